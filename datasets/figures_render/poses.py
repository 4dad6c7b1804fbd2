"""The poses people are drawn in, and how often: in everyday scenes and in sports photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from figures_render import poses_everyday as everyday
from figures_render import poses_sports as sport
from figures_render.body import Pose
from figures_render.pose_limbs import Rng

#: (maker, weight in an everyday scene, weight in a sports scene)
LIBRARY: Mapping[str, tuple[Callable[[Rng], Pose], float, float]] = {
    "stand": (everyday.stand, 34, 10),
    "walk": (everyday.walk, 22, 3),
    "run": (everyday.run, 6, 13),
    "sit": (everyday.sit, 10, 2),
    "sit_floor": (everyday.sit_floor, 3, 2),
    "squat": (everyday.squat, 3, 6),
    "lunge": (sport.lunge, 4, 9),
    "kick": (sport.kick, 2, 8),
    "throw": (sport.throw, 3, 8),
    "jump": (sport.jump, 3, 10),
    "bend": (everyday.bend, 4, 5),
    "handstand": (sport.handstand, 1, 4),
    "cartwheel": (sport.cartwheel, 1, 5),
    "somersault": (sport.somersault, 0, 4),
    "plank": (everyday.plank, 1, 4),
    "balance": (sport.balance, 2, 5),
    "swing_club": (sport.swing_club, 2, 5),
    "free": (sport.free, 2, 9),
}


def sample_pose(rng: Rng, *, sports: bool, name: str | None = None) -> Pose:
    """A random pose, left- or right-handed alike.

    Args:
        rng: source of randomness.
        sports: whether to choose as sports photos do.
        name: a pose of LIBRARY to take instead of choosing.
    """
    if name is None:
        weights = np.array([entry[2 if sports else 1] for entry in LIBRARY.values()], dtype=np.float64)
        name = list(LIBRARY)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    pose = LIBRARY[name][0](rng)
    return pose.mirrored() if rng.random() < 0.5 else pose
