"""The poses of sports photos: jumps, kicks, throws, handstands and all that athletes do."""

from __future__ import annotations

from dataclasses import replace

from figures_render.body import Limb, Pose
from figures_render.pose_limbs import ARMS, Rng, arm, straight, u


def lunge(rng: Rng) -> Pose:
    """A long step: fencing, stretching, bowling."""
    depth = u(rng, 0.4, 1)
    return Pose(
        "lunge",
        arm(rng, *ARMS),
        arm(rng, *ARMS),
        Limb(35 + 50 * depth, u(rng, 0, 30), -5, 35 + 60 * depth, u(rng, -10, 0)),
        Limb(15 + 35 * depth, u(rng, 150, 178), -5, u(rng, 5, 45), u(rng, -15, 35)),
        lean=u(rng, -5, 35),
        spine=(u(rng, -8, 20), u(rng, -12, 12), u(rng, -25, 25)),
        neck=(u(rng, -25, 12), u(rng, -10, 10), u(rng, -35, 35)),
        fist=u(rng, 0, 1),
    )


def kick(rng: Rng) -> Pose:
    """One leg thrown forward or to the side: football, martial arts, dance."""
    return Pose(
        "kick",
        arm(rng, "side", "swing_back", "guard", "up"),
        arm(rng, "side", "swing_front", "guard", "up"),
        Limb(u(rng, 50, 120), u(rng, 0, 90), u(rng, -25, 10), u(rng, 0, 60), u(rng, 5, 40)),
        Limb(u(rng, 2, 15), u(rng, 90, 175), -8, u(rng, 2, 25), 0),
        lean=u(rng, -25, 12),
        tilt=u(rng, 0, 15),
        spine=(u(rng, -5, 15), u(rng, -5, 15), u(rng, -25, 25)),
        neck=(u(rng, -15, 20), u(rng, -8, 8), u(rng, -25, 25)),
        fist=u(rng, 0, 1),
        lift=u(rng, 0, 0.2) if rng.random() < 0.2 else 0,
    )


def throw(rng: Rng) -> Pose:
    """Throwing, serving, pitching."""
    return Pose(
        "throw",
        arm(rng, "pointing", "side", "up", "guard"),
        arm(rng, "cocked", "up", "cocked", "side"),
        Limb(u(rng, 15, 65), u(rng, 0, 35), -5, u(rng, 5, 70), u(rng, -10, 10)),
        Limb(u(rng, 5, 28), u(rng, 130, 175), -10, u(rng, 5, 50), u(rng, -5, 25)),
        lean=u(rng, -15, 20),
        spine=(u(rng, -18, 10), u(rng, -18, 12), u(rng, -35, 20)),
        neck=(u(rng, -20, 15), u(rng, -10, 10), u(rng, -10, 45)),
        fist=u(rng, 0.5, 1),
    )


def jump(rng: Rng) -> Pose:
    """In the air: star jumps, tucks, splits, headers."""
    kind = int(rng.integers(4))
    if kind == 0:
        legs = [Limb(u(rng, 20, 50), 90, -10, u(rng, 0, 15), u(rng, 10, 35)) for _ in range(2)]
    elif kind == 1:
        legs = [Limb(u(rng, 60, 115), u(rng, 5, 30), 0, u(rng, 70, 130), u(rng, 0, 35)) for _ in range(2)]
    elif kind == 2:
        legs = [
            Limb(u(rng, 55, 95), u(rng, 0, 20), 0, u(rng, 0, 25), u(rng, 15, 40)),
            Limb(u(rng, 25, 60), u(rng, 165, 178), 0, u(rng, 0, 40), u(rng, 15, 40)),
        ]
    else:
        legs = [
            Limb(u(rng, 2, 45), u(rng, 0, 170), 0, u(rng, 5, 100), u(rng, 10, 40)),
            Limb(u(rng, 2, 30), u(rng, 20, 170), 0, u(rng, 5, 60), u(rng, 10, 40)),
        ]
    return Pose(
        "jump",
        arm(rng, "up", "side", "waving", "swing_front", "swing_back"),
        arm(rng, "up", "side", "waving", "swing_front", "swing_back"),
        legs[0],
        legs[1],
        lean=u(rng, -18, 20),
        spine=(u(rng, -22, 18), u(rng, -10, 10), u(rng, -20, 20)),
        neck=(u(rng, -25, 20), u(rng, -8, 8), u(rng, -20, 20)),
        pitch=u(rng, -12, 12),
        roll=u(rng, -12, 12),
        lift=u(rng, 0.08, 0.45),
        fist=u(rng, 0, 0.8),
    )


def handstand(rng: Rng) -> Pose:
    """Upside down on the hands, or falling out of it."""
    arms = [Limb(u(rng, 165, 178), u(rng, 40, 90), 0, u(rng, 0, 18), -60) for _ in range(2)]
    split = u(rng, 0, 50)
    return Pose(
        "handstand",
        arms[0],
        arms[1],
        Limb(u(rng, 2, 20) + split, u(rng, 0, 70), -5, u(rng, 0, 60), 35),
        Limb(u(rng, 2, 20) + split, u(rng, 90, 178), -5, u(rng, 0, 60), 35),
        lean=u(rng, -10, 12),
        spine=(u(rng, -22, 8), u(rng, -5, 5), u(rng, -8, 8)),
        neck=(u(rng, -45, 5), 0, 0),
        pitch=180 + u(rng, -14, 14),
        fist=0,
    )


def cartwheel(rng: Rng) -> Pose:
    """Turning over in the frontal plane, or any other way round."""
    return Pose(
        "cartwheel",
        Limb(u(rng, 130, 170), u(rng, 80, 100), 0, u(rng, 0, 15), -30),
        Limb(u(rng, 130, 170), u(rng, 80, 100), 0, u(rng, 0, 15), -30),
        Limb(u(rng, 25, 65), 90, -15, u(rng, 0, 30), 30),
        Limb(u(rng, 25, 65), 90, -15, u(rng, 0, 30), 30),
        spine=(u(rng, -10, 10), u(rng, -12, 12), 0),
        neck=(u(rng, -30, 5), 0, 0),
        roll=u(rng, 60, 300),
        pitch=u(rng, -15, 15),
        lift=u(rng, 0, 0.15) if rng.random() < 0.4 else 0,
        fist=0,
    )


def somersault(rng: Rng) -> Pose:
    """Turning head over heels in the air: divers, gymnasts."""
    tuck = u(rng, 0, 1)
    leg = Limb(20 + 100 * tuck, u(rng, 5, 20), 0, 125 * tuck * u(rng, 0.5, 1), 35)
    arm = Limb(u(rng, 20, 170), u(rng, 0, 60), 0, u(rng, 0, 60), 0)
    return Pose(
        "somersault",
        arm,
        replace(arm, elevation=min(arm.elevation + 8, 176)),
        leg,
        replace(leg, elevation=leg.elevation + 4),
        lean=u(rng, 0, 30),
        spine=(u(rng, -10, 40) * (0.4 + 0.6 * tuck), u(rng, -5, 5), u(rng, -25, 25)),
        neck=(u(rng, -15, 35), 0, u(rng, -15, 15)),
        pitch=u(rng, 0, 360),
        roll=u(rng, -30, 30),
        lift=u(rng, 0.1, 0.6),
    )


def balance(rng: Rng) -> Pose:
    """On one leg: yoga, skating, ballet."""
    lean = u(rng, 0, 75)
    return Pose(
        "balance",
        arm(rng, "side", "up", "pointing"),
        arm(rng, "side", "up", "swing_back"),
        straight(rng, 5),
        Limb(u(rng, 15, 30) + lean * 0.8, u(rng, 150, 176), -10, u(rng, 0, 60), 30),
        lean=lean,
        spine=(u(rng, -20, 5), u(rng, -6, 6), u(rng, -12, 12)),
        neck=(u(rng, -30, 5), u(rng, -8, 8), u(rng, -20, 20)),
        fist=u(rng, 0, 0.3),
    )


def swing_club(rng: Rng) -> Pose:
    """Both hands together on one side: golf, baseball, tennis backhand."""
    high = u(rng, 35, 115)
    return Pose(
        "swing_club",
        Limb(high, u(rng, -35, -10), 10, u(rng, 5, 45), 0),
        Limb(high * u(rng, 0.75, 1), u(rng, 15, 45), 20, u(rng, 30, 85), 0),
        Limb(u(rng, 10, 28), u(rng, 55, 90), -8, u(rng, 8, 35), 0),
        Limb(u(rng, 10, 28), u(rng, 55, 90), -8, u(rng, 8, 45), u(rng, 0, 25)),
        lean=u(rng, 5, 32),
        spine=(u(rng, 0, 15), u(rng, -10, 10), u(rng, -45, 45)),
        neck=(u(rng, -5, 20), 0, u(rng, -40, 40)),
        fist=1,
    )


def free(rng: Rng) -> Pose:
    """Anything the joints allow."""

    def leg() -> Limb:
        azimuth = u(rng, 0, 180)
        reach = 100 if azimuth < 60 else (55 if azimuth < 130 else 35)
        return Limb(u(rng, 0, reach), azimuth, u(rng, -25, 15), u(rng, 0, 110), u(rng, -15, 35))

    return Pose(
        "free",
        arm(rng, *ARMS),
        arm(rng, *ARMS),
        leg(),
        leg(),
        lean=u(rng, -20, 55),
        tilt=u(rng, -20, 20),
        spine=(u(rng, -20, 35), u(rng, -20, 20), u(rng, -35, 35)),
        neck=(u(rng, -35, 30), u(rng, -20, 20), u(rng, -55, 55)),
        pitch=u(rng, -25, 25),
        roll=u(rng, -25, 25),
        lift=u(rng, 0, 0.3) if rng.random() < 0.5 else 0,
        fist=u(rng, 0, 1),
    )
