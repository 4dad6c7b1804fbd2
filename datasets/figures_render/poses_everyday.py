"""Everyday poses: standing, walking, running, sitting, squatting, bending, lying."""

from __future__ import annotations

from dataclasses import replace

from figures_render.body import Limb, Pose
from figures_render.pose_limbs import Rng, arm, straight, u


def stand(rng: Rng) -> Pose:
    """Standing, arms at ease or doing something."""
    kinds = ("hanging", "hanging", "hip", "holding", "waving", "pointing", "phone", "behind", "up", "side")
    if rng.random() < 0.12:
        left = Limb(u(rng, 24, 34), u(rng, 15, 30), u(rng, 45, 58), u(rng, 84, 95))
        right = replace(left, elevation=left.elevation + 9, bend=left.bend + 4)
    else:
        left, right = arm(rng, *kinds), arm(rng, *kinds)
    shift = u(rng, -5, 5)
    relaxed = Limb(u(rng, 6, 22), u(rng, 20, 80), u(rng, -15, 5), u(rng, 5, 30), u(rng, -5, 5))
    return Pose(
        "stand",
        left,
        right,
        straight(rng, 9),
        relaxed if rng.random() < 0.35 else straight(rng, 9),
        tilt=shift,
        spine=(u(rng, -6, 10), -shift * 0.8, u(rng, -14, 14)),
        neck=(u(rng, -12, 25), u(rng, -12, 12), u(rng, -45, 45)),
        fist=u(rng, 0, 0.6),
        close=True,
    )


def walk(rng: Rng) -> Pose:
    """Walking."""
    stride = u(rng, 14, 30)
    swing = u(rng, 10, 32)
    bend = u(rng, 8, 35)
    arms = (Limb(swing, 175, 0, bend * 0.6, 5), Limb(swing, 5, 5, bend, 5))
    if rng.random() < 0.25:
        arms = (arms[0], arm(rng, "holding", "phone", "waving"))
    return Pose(
        "walk",
        arms[0],
        arms[1],
        Limb(stride, u(rng, 0, 10), -4, u(rng, 2, 22), u(rng, -15, 5)),
        Limb(stride * u(rng, 0.6, 1), u(rng, 168, 178), -4, u(rng, 8, 50), u(rng, 5, 30)),
        lean=u(rng, 0, 7),
        spine=(u(rng, -2, 6), u(rng, -3, 3), u(rng, 2, 14)),
        neck=(u(rng, -12, 12), u(rng, -6, 6), u(rng, -30, 30)),
        fist=u(rng, 0.1, 0.7),
        close=True,
    )


def run(rng: Rng) -> Pose:
    """Running, up to a sprint."""
    effort = u(rng, 0.3, 1)
    return Pose(
        "run",
        Limb(u(rng, 25, 60) * effort + 5, u(rng, 155, 175), u(rng, 0, 20), u(rng, 70, 110), 0),
        Limb(u(rng, 25, 75) * effort + 5, u(rng, -5, 20), u(rng, 10, 30), u(rng, 75, 115), 0),
        Limb(u(rng, 35, 85) * effort + 10, u(rng, 0, 10), 0, u(rng, 30, 115), u(rng, -15, 15)),
        Limb(u(rng, 20, 38) * effort + 5, u(rng, 170, 178), 0, u(rng, 5, 95), u(rng, 5, 35)),
        lean=u(rng, 4, 22),
        spine=(u(rng, -4, 8), u(rng, -5, 5), u(rng, 4, 20)),
        neck=(u(rng, -25, 6), u(rng, -8, 8), u(rng, -20, 20)),
        lift=u(rng, 0, 0.08) if rng.random() < 0.6 else 0,
        fist=u(rng, 0.2, 1),
    )


def sit(rng: Rng) -> Pose:
    """Sitting on a seat."""
    spread = u(rng, 2, 25)
    legs = [
        Limb(u(rng, 80, 92), spread, 0, u(rng, 65, 105), u(rng, -5, 10)),
        Limb(u(rng, 80, 92), spread, 0, u(rng, 65, 105), u(rng, -5, 10)),
    ]
    if rng.random() < 0.2:
        legs[0] = Limb(u(rng, 96, 104), -14, 0, u(rng, 72, 90), 15)
    kinds = ("holding", "holding", "guard", "hanging", "waving", "folded", "pointing", "phone")
    return Pose(
        "sit",
        arm(rng, *kinds),
        arm(rng, *kinds),
        legs[0],
        legs[1],
        lean=u(rng, -15, 25),
        spine=(u(rng, 0, 25), u(rng, -8, 8), u(rng, -18, 18)),
        neck=(u(rng, -15, 20), u(rng, -10, 10), u(rng, -40, 40)),
        seat=True,
        fist=u(rng, 0, 0.6),
    )


def sit_floor(rng: Rng) -> Pose:
    """Sitting on the floor, legs stretched or drawn up."""
    up = u(rng, 0, 1)
    return Pose(
        "sit_floor",
        arm(rng, "holding", "behind", "swing_front", "hanging"),
        arm(rng, "holding", "behind", "swing_front", "hanging"),
        Limb(90 + 35 * up + u(rng, -3, 3), u(rng, 5, 35), -10, 80 * up + u(rng, 4, 14), u(rng, -10, 25)),
        Limb(90 + 35 * up + u(rng, -3, 3), u(rng, 5, 35), -10, 80 * up + u(rng, 4, 14), u(rng, -10, 25)),
        lean=u(rng, -25, 15),
        spine=(u(rng, 5, 30), u(rng, -10, 10), u(rng, -15, 15)),
        neck=(u(rng, -15, 15), u(rng, -10, 10), u(rng, -40, 40)),
    )


def squat(rng: Rng) -> Pose:
    """Squatting, or in a low stance."""
    depth = u(rng, 0.35, 1)
    leg = Limb(110 * depth, u(rng, 12, 35), -12, 125 * depth, -22 * depth)
    return Pose(
        "squat",
        arm(rng, "holding", "guard", "pointing", "swing_front"),
        arm(rng, "holding", "guard", "pointing", "swing_front"),
        replace(leg, azimuth=leg.azimuth + u(rng, -6, 6)),
        leg,
        lean=u(rng, 15, 45) * depth,
        spine=(u(rng, 0, 25), u(rng, -8, 8), u(rng, -15, 15)),
        neck=(u(rng, -35, 0), u(rng, -8, 8), u(rng, -30, 30)),
        fist=u(rng, 0, 1),
    )


def bend(rng: Rng) -> Pose:
    """Bending forward: lifting, starting, stretching."""
    lean = u(rng, 35, 80)
    reach = lean + u(rng, -15, 30)
    return Pose(
        "bend",
        Limb(min(reach, 165), u(rng, -5, 25), 0, u(rng, 0, 30), 0),
        Limb(min(reach, 165), u(rng, -5, 25), 0, u(rng, 0, 30), 0),
        Limb(u(rng, 4, 40), u(rng, 10, 40), -5, u(rng, 5, 55), -8),
        Limb(u(rng, 2, 25), u(rng, 10, 170), -5, u(rng, 5, 45), -5),
        lean=lean,
        spine=(u(rng, 5, 40), u(rng, -8, 8), u(rng, -12, 12)),
        neck=(u(rng, -35, 15), u(rng, -8, 8), u(rng, -25, 25)),
        fist=u(rng, 0.2, 1),
    )


def plank(rng: Rng) -> Pose:
    """Push-ups, crawling, lying: the trunk near the floor."""
    kind = int(rng.integers(3))
    if kind == 0:
        arm, legs, pitch = Limb(u(rng, 75, 95), u(rng, 0, 15), 0, u(rng, 0, 25), -70), (4.0, 4.0), u(rng, 66, 76)
    elif kind == 1:
        arm, legs, pitch = Limb(u(rng, 10, 160), u(rng, 70, 100), 0, u(rng, 0, 60), 0), (6.0, 15.0), 88.0
    else:
        arm, legs, pitch = Limb(u(rng, 15, 170), u(rng, 80, 110), 0, u(rng, 0, 60), 0), (8.0, 25.0), -88.0
    knee = u(rng, 0, 25) if kind else 3.0
    return Pose(
        "plank",
        arm,
        replace(arm, elevation=arm.elevation + u(rng, -4, 4)),
        Limb(legs[0], 90, -5, knee, 25),
        Limb(legs[1], 60, -5, knee, 25),
        spine=(u(rng, -14, 4), u(rng, -8, 8), u(rng, -6, 6)),
        neck=(u(rng, -35, 0), u(rng, -8, 8), u(rng, -40, 40)),
        pitch=pitch,
        fist=0,
    )
