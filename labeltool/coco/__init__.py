"""What a COCO keypoint file may hold: the document, its rules, the values derived from it, and results."""
