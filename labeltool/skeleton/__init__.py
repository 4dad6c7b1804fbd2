"""Skeletons: which joints a person has, by name, and what each metric needs to know of them."""

from labeltool.skeleton.built_in import BUILT_IN, COCO_17, LSP_14, MPII_16
from labeltool.skeleton.definition import ALIASES, COCO_SIGMAS, Conversion, Skeleton, convert, define
from labeltool.skeleton.reading import from_category, from_mapping, from_toml, get_skeleton, to_mapping

__all__ = [
    "ALIASES",
    "BUILT_IN",
    "COCO_17",
    "COCO_SIGMAS",
    "LSP_14",
    "MPII_16",
    "Conversion",
    "Skeleton",
    "convert",
    "define",
    "from_category",
    "from_mapping",
    "from_toml",
    "get_skeleton",
    "to_mapping",
]
