"""People that are one bright square each, for trainings of a few seconds."""

from __future__ import annotations

import numpy as np

from labeltool.skeleton import define
from labeltool.training.augment import Augmentation
from labeltool.training.samples import Samples

SKELETON = define("tiny", ["left_shoulder", "right_hip", "nose"])
MILD = Augmentation(rotation=0, rotated=0, full_circle=0, scale=1.05, shift=0.05, flip=0, tint=0.1, occlusion=0)


def squares(count: int, seed: int) -> Samples:
    """People that are one bright square each: its corners are the shoulder and the hip, its centre the nose."""
    rng = np.random.default_rng(seed)
    crops = np.full((count, 128, 128, 3), 40, np.uint8)
    xy = np.zeros((count, 3, 2), np.float32)
    for n in range(count):
        x, y = rng.integers(30, 60, 2)
        side = int(rng.integers(20, 38))
        crops[n, y : y + side, x : x + side] = (220, 90, 30)
        xy[n] = [[x, y], [x + side, y + side], [x + side / 2, y + side / 2]]
    return Samples(crops, xy, np.full((count, 3), 2, np.int8), np.full(count, 76, np.float32))
