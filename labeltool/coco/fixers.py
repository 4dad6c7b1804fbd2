"""The fixes, one function a code, as far as a finding can be mended without looking at the photo.

Each looks at the present values again before it changes any: an earlier fix of the same round may have changed them.
"""

from labeltool.coco import fixers_annotations, fixers_boxes, fixers_tables
from labeltool.coco.draft import FIXES

__all__ = ["FIXES", "fixers_annotations", "fixers_boxes", "fixers_tables"]
