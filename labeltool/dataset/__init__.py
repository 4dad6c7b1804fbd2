"""Questions and changes of whole data sets: pure functions on COCO documents, which are never changed in place."""
