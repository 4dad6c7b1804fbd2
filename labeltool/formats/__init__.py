"""Foreign label formats, one module each, only to and from the COCO document."""
