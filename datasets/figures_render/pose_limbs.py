"""Arms and legs in the attitudes that poses are put together from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from figures_render.body import Limb

Rng = np.random.Generator


def u(rng: Rng, low: float, high: float) -> float:
    """A random number between two limits."""
    return float(rng.uniform(low, high))


def hanging(rng: Rng) -> Limb:
    """An arm at ease."""
    return Limb(u(rng, 6, 20), u(rng, 50, 100), u(rng, -15, 30), u(rng, 4, 35), u(rng, -5, 20))


def straight(rng: Rng, spread: float = 6) -> Limb:
    """A leg that is stood on."""
    return Limb(u(rng, 1, spread), u(rng, 60, 110), u(rng, -15, 5), u(rng, 0, 8), u(rng, -3, 3))


#: What an arm may do.
ARMS: Mapping[str, Callable[[Rng], Limb]] = {
    "hanging": hanging,
    "hip": lambda r: Limb(u(r, 34, 48), u(r, 95, 125), u(r, 45, 65), u(r, 75, 100), 20),
    "folded": lambda r: Limb(u(r, 24, 36), u(r, 10, 35), u(r, 40, 58), u(r, 80, 100), 5),
    "waving": lambda r: Limb(u(r, 85, 160), u(r, 70, 100), u(r, -95, -50), u(r, 20, 90), u(r, -10, 10)),
    "up": lambda r: Limb(u(r, 140, 178), u(r, 40, 100), u(r, -30, 30), u(r, 0, 40), u(r, -15, 15)),
    "side": lambda r: Limb(u(r, 65, 110), u(r, 75, 105), u(r, -40, 40), u(r, 0, 35), u(r, -10, 10)),
    "pointing": lambda r: Limb(u(r, 65, 110), u(r, -15, 70), u(r, -20, 20), u(r, 0, 20), 0),
    "holding": lambda r: Limb(u(r, 10, 40), u(r, 0, 50), u(r, -5, 30), u(r, 70, 115), u(r, -10, 10)),
    "phone": lambda r: Limb(u(r, 25, 50), u(r, 25, 70), u(r, 5, 25), u(r, 120, 135), 5),
    "guard": lambda r: Limb(u(r, 30, 60), u(r, 5, 40), u(r, 0, 25), u(r, 95, 130), 5),
    "behind": lambda r: Limb(u(r, 24, 38), u(r, 150, 175), u(r, 45, 70), u(r, 45, 75), 0),
    "cocked": lambda r: Limb(u(r, 80, 110), u(r, 100, 130), u(r, -90, -60), u(r, 60, 110), -15),
    "swing_front": lambda r: Limb(u(r, 25, 70), u(r, -10, 25), u(r, 0, 30), u(r, 60, 110), 0),
    "swing_back": lambda r: Limb(u(r, 25, 60), u(r, 150, 175), u(r, -10, 20), u(r, 60, 105), 0),
}


def arm(rng: Rng, *names: str) -> Limb:
    """An arm that does one of the named things."""
    return ARMS[names[int(rng.integers(len(names)))]](rng)
