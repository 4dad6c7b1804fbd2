"""Names for what a face of a person's mesh belongs to."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Part(IntEnum):
    """What a face of the mesh belongs to; clothes belong to the part they cover."""

    OBJECT = 0
    TRUNK = 1
    NECK = 2
    HEAD = 3
    HAIR = 4
    LEFT_ARM = 5
    RIGHT_ARM = 6
    LEFT_HAND = 7
    RIGHT_HAND = 8
    LEFT_LEG = 9
    RIGHT_LEG = 10
    LEFT_FOOT = 11
    RIGHT_FOOT = 12
    SKIRT = 13


#: For every part whether it grows into its neighbours without an edge.
JOINED = np.zeros(len(Part), dtype=bool)
JOINED[[Part.TRUNK, Part.NECK, Part.LEFT_ARM, Part.RIGHT_ARM, Part.LEFT_LEG, Part.RIGHT_LEG]] = True
JOINED[[Part.LEFT_HAND, Part.RIGHT_HAND]] = True
