"""The bones: proportions of a person, joint angles of a pose, and where that puts every joint."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from figures_render.geometry import MIRROR, Floats, rot_x, rot_y, rot_z, swing, unit


@dataclass(frozen=True)
class Limb:
    """The angles of an arm or a leg, in degrees; the same numbers on either side are mirror images.

    Attributes:
        elevation: of the upper segment away from hanging down.
        azimuth: the plane it is lifted in: 0 forward, 90 outward, 180 backward.
        twist: about the upper segment; positive turns the hinge inward.
        bend: of elbow or knee.
        end: of wrist (towards the palm) or ankle (toes down).
    """

    elevation: float
    azimuth: float
    twist: float
    bend: float
    end: float = 0.0


@dataclass(frozen=True)
class Pose:
    """The joint angles of a whole body, in degrees.

    Attributes:
        name: what the pose is called.
        left_arm: see Limb; so are right_arm, left_leg and right_leg.
        right_arm: see Limb.
        left_leg: see Limb.
        right_leg: see Limb.
        lean: forward pitch of pelvis and trunk over the legs.
        tilt: sideways pitch of pelvis and trunk, positive to the person's right.
        spine: (flexion, side bend, twist) from pelvis to chest.
        neck: (flexion, side bend, twist) from chest to head.
        pitch: of the whole body about its lateral axis (180 is a handstand).
        roll: of the whole body in its frontal plane (a cartwheel).
        lift: height of the lowest point over the floor, in body heights.
        fist: 0 for an open hand, 1 for a fist.
        seat: whether something must be under the pelvis.
        close: whether the legs stay close enough for a skirt.
    """

    name: str
    left_arm: Limb
    right_arm: Limb
    left_leg: Limb
    right_leg: Limb
    lean: float = 0.0
    tilt: float = 0.0
    spine: tuple[float, float, float] = (0.0, 0.0, 0.0)
    neck: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pitch: float = 0.0
    roll: float = 0.0
    lift: float = 0.0
    fist: float = 0.3
    seat: bool = False
    close: bool = False

    def mirrored(self) -> Pose:
        """The same pose with left and right exchanged."""
        return replace(
            self,
            left_arm=self.right_arm,
            right_arm=self.left_arm,
            left_leg=self.right_leg,
            right_leg=self.left_leg,
            tilt=-self.tilt,
            spine=(self.spine[0], -self.spine[1], -self.spine[2]),
            neck=(self.neck[0], -self.neck[1], -self.neck[2]),
            roll=-self.roll,
        )


@dataclass(frozen=True)
class Proportions:
    """The measures of a person. Lengths are in body units (`unit` metres); segment ratios follow Drillis and Contini (1966).

    Attributes:
        height: metres from sole to top of head.
        head: metres from chin to top.
        female: whether the body has female contours.
        child: whether the body has a child's contours.
        build: factor on the girth of limbs and trunk.
        belly: factor on the depth of the waist.
        shoulder: half width between the shoulder joints, body units.
        hip: half width between the hip joints, body units.
        upper_arm: length, body units; so are the following.
        forearm: see above.
        hand: see above.
        thigh: see above.
        shank: see above.
        trunk: from the hips' centre to the base of the neck.
        neck: from its base to the pivot of the head.
    """

    height: float = 1.75
    head: float = 0.23
    female: bool = False
    child: bool = False
    build: float = 1.0
    belly: float = 1.0
    shoulder: float = 0.108
    hip: float = 0.064
    upper_arm: float = 0.180
    forearm: float = 0.146
    hand: float = 0.105
    thigh: float = 0.245
    shank: float = 0.246
    trunk: float = 0.305
    neck: float = 0.066

    @property
    def unit(self) -> float:
        """Metres in a body unit: the stature this body would have with an adult's head."""
        return (self.height - self.head) / 0.868


def sample_proportions(rng: np.random.Generator, child: bool | None = None) -> Proportions:
    """A random person; one in eight is a child unless told."""
    if child is None:
        child = bool(rng.random() < 0.125)
    female = bool(rng.random() < 0.5)
    if child:
        height = float(rng.uniform(1.0, 1.45))
    else:
        height = float(np.clip(rng.normal(1.66 if female else 1.79, 0.07), 1.48, 2.02))

    def near(value: float, spread: float = 0.045) -> float:
        return float(value * np.clip(rng.normal(1, spread), 1 - 2.2 * spread, 1 + 2.2 * spread))

    build = float(np.clip(rng.normal(0.97 if female else 1.03, 0.10), 0.82, 1.35))
    return Proportions(
        height=height,
        head=near(0.125 + 0.06 * height, 0.03),
        female=female and not child,
        child=child,
        build=build * (0.95 if child else 1.0),
        belly=float(np.clip(rng.normal(1.0, 0.12) + max(build - 1.1, 0) * 1.2, 0.9, 1.6)),
        shoulder=near(0.101 if female else 0.110),
        hip=near(0.066 if female else 0.063),
        upper_arm=near(0.180),
        forearm=near(0.146),
        hand=near(0.104),
        thigh=near(0.245),
        shank=near(0.243),
        trunk=near(0.305, 0.03),
        neck=near(0.066, 0.08),
    )


@dataclass(frozen=True)
class Bones:
    """Where a body is.

    Attributes:
        joints: every joint the skeletons know, by name, (3,) world metres; left and right are the person's own.
        frames: (3, 3) world rotations of pelvis, chest, neck, head and, with left_ and right_, upper_arm, forearm, hand, thigh,
            shank, foot.
        spine_points: (R, 3) the axis of the trunk from crotch to neck.
        spine_frames: (R, 3, 3) its frames.
        spine_height: (R,) height over the hips in body units.
        head_pivot: (3,) where the head sits on the neck.
    """

    joints: dict[str, Floats]
    frames: dict[str, Floats]
    spine_points: Floats
    spine_frames: Floats
    spine_height: Floats
    head_pivot: Floats


#: Heights over the hip joints, in body units of an average trunk, at which the trunk's cross-sections are given.
SPINE_HEIGHTS = np.concatenate(
    [
        [-0.062, -0.045, -0.022, 0.0, 0.022, 0.045, 0.068, 0.09, 0.112, 0.135, 0.158],
        [0.18, 0.202, 0.222, 0.240, 0.255, 0.268, 0.279, 0.288, 0.297, 0.306, 0.318],
    ]
)


def solve(pose: Pose, p: Proportions, yaw: float, position: Floats | None = None) -> Bones:
    """Every joint of a body in a pose.

    Args:
        pose: the angles.
        p: the measures.
        yaw: degrees the person is turned to the left of facing the viewer (the viewer's right).
        position: (3,) metres of the hips' centre; the origin by default.

    Returns:
        Bones in world metres.
    """
    unit_m = p.unit
    root = rot_y(yaw) @ rot_x(pose.pitch) @ rot_z(pose.roll)
    pelvis = root @ rot_z(pose.tilt) @ rot_x(pose.lean)
    origin = np.zeros(3) if position is None else np.asarray(position, dtype=np.float64)
    joints: dict[str, Floats] = {"pelvis": origin}
    frames: dict[str, Floats] = {"pelvis": pelvis}

    height, points, rotations = _spine(pose, p, pelvis, origin)
    chest = rotations[-1]
    frames["chest"] = chest
    base = origin + _at(height, points - origin, p.trunk)
    neck = chest @ rot_y(0.5 * pose.neck[2]) @ rot_z(0.5 * pose.neck[1]) @ rot_x(0.5 * pose.neck[0] + 6)
    head = chest @ rot_y(pose.neck[2]) @ rot_z(pose.neck[1]) @ rot_x(pose.neck[0])
    frames["neck"], frames["head"] = neck, head
    pivot = base + neck @ np.array([0, p.neck, 0]) * unit_m
    joints["thorax"] = base + chest @ np.array([0, -0.022, 0]) * unit_m
    joints["neck"] = base + neck @ np.array([0, 0.010, 0]) * unit_m
    joints["upper_neck"] = joints["neck"]
    joints["head_top"] = pivot + head @ np.array([0, 0.70, 0.02]) * p.head
    joints["nose"] = pivot + head @ np.array([0, 0.035, 0.51]) * p.head
    for side, mirror in (("left", np.eye(3)), ("right", MIRROR)):
        joints[f"{side}_eye"] = pivot + head @ mirror @ np.array([0.137, 0.215, 0.40]) * p.head
        joints[f"{side}_ear"] = pivot + head @ mirror @ np.array([0.335, 0.13, 0.03]) * p.head
        _arm(side, mirror, pose, p, chest, base, joints, frames)
        _leg(side, mirror, pose, p, root, pelvis, origin, joints, frames)
    return Bones(joints, frames, points, rotations, height, pivot)


def _spine(pose: Pose, p: Proportions, pelvis: Floats, origin: Floats) -> tuple[Floats, Floats, Floats]:
    stretch = p.trunk / 0.305
    height = SPINE_HEIGHTS * np.where(SPINE_HEIGHTS > 0, stretch, 1.0)
    share = np.clip((height - 0.01) / (0.19 * stretch), 0, 1)
    share = share * share * (3 - 2 * share)
    flex, side, twist = pose.spine
    frames = np.stack([pelvis @ rot_y(twist * w) @ rot_z(side * w) @ rot_x(flex * w) for w in share])
    ups = frames[:, :, 1]
    steps = np.diff(height)[:, None] * (ups[1:] + ups[:-1]) / 2 * p.unit
    points = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    zero = _at(height, points, 0.0)
    return height, points - zero + origin, frames


def _at(height: Floats, points: Floats, value: float) -> Floats:
    return np.array([np.interp(value, height, points[:, k]) for k in range(3)])


def _arm(
    side: str,
    mirror: Floats,
    pose: Pose,
    p: Proportions,
    chest: Floats,
    base: Floats,
    joints: dict[str, Floats],
    frames: dict[str, Floats],
) -> None:
    limb = pose.left_arm if side == "left" else pose.right_arm
    # Above shoulder height the collar bone takes part: the joint itself rises and comes in.
    raised = float(np.clip((limb.elevation - 60) / 110, 0, 1))
    reach = float(np.cos(np.radians(limb.azimuth)) * np.sin(np.radians(limb.elevation)))
    offset = np.array([p.shoulder - 0.012 * raised, -0.033 + 0.030 * raised, -0.004 + 0.016 * reach])
    shoulder = base + chest @ mirror @ offset * p.unit
    upper = chest @ mirror @ swing(limb.elevation, limb.azimuth, limb.twist) @ mirror
    fore = upper @ rot_x(-limb.bend)
    # The forearm's own twist: palms turn towards the body when the arm hangs.
    hand = fore @ mirror @ rot_y(-55) @ mirror @ rot_x(-limb.end)
    down = np.array([0.0, -1.0, 0.0])
    elbow = shoulder + upper @ down * p.upper_arm * p.unit
    wrist = elbow + fore @ down * p.forearm * p.unit
    joints[f"{side}_shoulder"], joints[f"{side}_elbow"], joints[f"{side}_wrist"] = shoulder, elbow, wrist
    frames[f"{side}_upper_arm"], frames[f"{side}_forearm"], frames[f"{side}_hand"] = upper, fore, hand


def _leg(
    side: str,
    mirror: Floats,
    pose: Pose,
    p: Proportions,
    root: Floats,
    pelvis: Floats,
    origin: Floats,
    joints: dict[str, Floats],
    frames: dict[str, Floats],
) -> None:
    limb = pose.left_leg if side == "left" else pose.right_leg
    hip = origin + pelvis @ mirror @ np.array([p.hip, 0, 0]) * p.unit
    thigh = root @ mirror @ swing(limb.elevation, limb.azimuth, limb.twist) @ mirror
    shank = thigh @ rot_x(limb.bend)
    foot = shank @ mirror @ rot_y(8) @ mirror @ rot_x(limb.end)
    down = np.array([0.0, -1.0, 0.0])
    knee = hip + thigh @ down * p.thigh * p.unit
    ankle = knee + shank @ down * p.shank * p.unit
    joints[f"{side}_hip"], joints[f"{side}_knee"], joints[f"{side}_ankle"] = hip, knee, ankle
    frames[f"{side}_thigh"], frames[f"{side}_shank"], frames[f"{side}_foot"] = thigh, shank, foot


def _segment_distance(a0: Floats, a1: Floats, b0: Floats, b1: Floats) -> float:
    """The smallest distance between two segments, sampled at nine points of each."""
    t = np.linspace(0, 1, 9)[:, None]
    a, b = a0 + (a1 - a0) * t, b0 + (b1 - b0) * t
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1).min()))


def collides(bones: Bones, p: Proportions) -> bool:
    """Whether limbs run through the trunk, the head, or each other."""
    j, u = bones.joints, p.unit
    fat = 0.5 + 0.5 * p.build
    shanks = _segment_distance(j["left_knee"], j["left_ankle"], j["right_knee"], j["right_ankle"])
    if shanks < 0.045 * u * fat:
        return True
    head = bones.head_pivot + bones.frames["head"] @ np.array([0, 0.2, 0]) * p.head
    for side in ("left", "right"):
        elbow, wrist = j[f"{side}_elbow"], j[f"{side}_wrist"]
        hand = wrist + unit(wrist - elbow) * 0.05 * u
        probes = np.concatenate([np.linspace(0.15, 1, 6)[:, None] * (hand - elbow) + elbow])
        if np.linalg.norm(probes - head, axis=1).min() < 0.55 * p.head:
            return True
        if _in_trunk(bones, p, probes, 0.085 * fat, 0.058 * fat * max(p.belly, 1)):
            return True
        knee, ankle = j[f"{side}_knee"], j[f"{side}_ankle"]
        shin = np.linspace(0.0, 1, 5)[:, None] * (ankle - knee) + knee
        if _in_trunk(bones, p, shin, 0.095 * fat, 0.075 * fat):
            return True
        for other in ("left", "right"):
            thigh = _segment_distance(elbow, hand, j[f"{other}_hip"], j[f"{other}_knee"])
            shank = _segment_distance(elbow, hand, j[f"{other}_knee"], j[f"{other}_ankle"])
            if thigh < 0.055 * u * fat or shank < 0.04 * u * fat:
                return True
    arms = _segment_distance(j["left_elbow"], j["left_wrist"], j["right_elbow"], j["right_wrist"])
    return arms < 0.028 * u


def _in_trunk(bones: Bones, p: Proportions, points: Floats, width: float, depth: float) -> bool:
    rings = slice(2, 19)
    local = points[:, None] - bones.spine_points[None, rings]
    local = np.einsum("nrk,rkj->nrj", local, bones.spine_frames[rings]) / p.unit
    near = np.abs(local[..., 1]) < 0.012
    inside = (local[..., 0] / width) ** 2 + (local[..., 2] / depth) ** 2 < 1
    return bool((near & inside).any())
