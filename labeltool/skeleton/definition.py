"""What a skeleton is, how one is defined by the names of its joints, and how one becomes another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.errors import SkeletonError

#: One joint under two names in two published skeletons. LSP's neck is MPII's upper neck, the usual mapping when the two are
#: trained together (MPII 8, 9 -> LSP neck, head top).
ALIASES: Mapping[str, str] = {"upper_neck": "neck", "head": "head_top"}

_COCO_SOURCE = "COCO keypoints (pycocotools cocoeval.Params.setKpParams)"

#: COCO's sigma of each joint: std of the distance between annotators over object scale.
COCO_SIGMAS: Mapping[str, float] = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}

_OTHER_SIGMAS: Mapping[str, tuple[float, str]] = {
    "neck": (0.079, "CrowdPose toolkit (neck)"),
    "head_top": (0.079, "CrowdPose toolkit (head)"),
    "thorax": (0.079, "no published value: COCO's shoulder"),
    "pelvis": (0.107, "no published value: COCO's hip"),
}

_UNKNOWN_SIGMA = (0.1, "no published value: labeltool's default 0.1")


@dataclass(frozen=True)
class Skeleton:
    """The joints of a person: names in order, limbs, left/right pairs, sigmas, torso ends.

    Attributes:
        name: short name, such as `coco-17`.
        joints: K unique names; left and right are the person's own.
        limbs: pairs of joint names that are drawn as a line and measured by PCP.
        flip_pairs: (left, right) name pairs that change places in a mirrored photo.
        sigmas: K per-joint standard deviations for OKS, as fractions of the object scale.
        sigma_sources: K texts, where each sigma comes from.
        torso: the two ends of the torso diameter of PDJ (left shoulder, right hip), or None where the skeleton lacks them.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]
    flip_pairs: tuple[tuple[str, str], ...]
    sigmas: tuple[float, ...]
    sigma_sources: tuple[str, ...]
    torso: tuple[str, str] | None

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The position of a joint in arrays built from this skeleton.

        Raises:
            SkeletonError: the skeleton has no such joint.
        """
        try:
            return self.joints.index(joint)
        except ValueError:
            raise SkeletonError(
                f"skeleton {self.name!r}: no joint {joint!r}, expected one of {', '.join(self.joints)}"
            ) from None

    def flip_order(self) -> NDArray[np.intp]:
        """For each joint the index of its mirror (itself where it has none): `xy[:, flip_order]` renames left and right."""
        order = np.arange(len(self.joints))
        for left, right in self.flip_pairs:
            a, b = self.index(left), self.index(right)
            order[a], order[b] = b, a
        return order

    def limb_indices(self) -> list[tuple[int, int]]:
        """The limbs as 0-based index pairs."""
        return [(self.index(a), self.index(b)) for a, b in self.limbs]

    def to_category(self, category_id: int = 1, name: str = "person") -> dict[str, Any]:
        """The COCO category of this skeleton; its `skeleton` field is 1-based, as COCO's is."""
        return {
            "supercategory": name,
            "id": category_id,
            "name": name,
            "keypoints": list(self.joints),
            "skeleton": [[a + 1, b + 1] for a, b in self.limb_indices()],
        }


@dataclass(frozen=True)
class Conversion:
    """How joints of one skeleton become joints of another, by name.

    Attributes:
        source: the skeleton converted from.
        target: the skeleton converted to.
        pairs: (source joint, target joint) for every joint that has a counterpart.
        dropped: source joints that the target has no place for.
        missing: target joints that nothing fills; they are never invented.
    """

    source: Skeleton
    target: Skeleton
    pairs: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]
    missing: tuple[str, ...]

    def indices(self) -> NDArray[np.intp]:
        """For each target joint the index of its source joint, or -1 where there is none: (K_target,) int."""
        order = np.full(len(self.target), -1, dtype=np.intp)
        for a, b in self.pairs:
            order[self.target.index(b)] = self.source.index(a)
        return order

    def apply(self, values: NDArray[Any], fill: float = np.nan) -> NDArray[Any]:
        """Values per source joint, put in the target's order.

        Args:
            values: (N, K_source, ...) array.
            fill: what stands for a target joint without a counterpart.

        Returns:
            (N, K_target, ...) array.
        """
        order = self.indices()
        out = values[:, np.maximum(order, 0)].copy()
        out[:, order < 0] = fill
        return out


def convert(source: Skeleton, target: Skeleton) -> Conversion:
    """The conversion from one skeleton to another by joint name; `dropped` and `missing` name what has no counterpart."""
    by_name = {_canonical(j): j for j in source.joints}
    pairs = tuple((by_name[_canonical(j)], j) for j in target.joints if _canonical(j) in by_name)
    used = {a for a, _ in pairs}
    filled = {b for _, b in pairs}
    return Conversion(
        source,
        target,
        pairs,
        dropped=tuple(j for j in source.joints if j not in used),
        missing=tuple(j for j in target.joints if j not in filled),
    )


def define(
    name: str,
    joints: Sequence[str],
    limbs: Sequence[tuple[str, str]] = (),
    *,
    flip_pairs: Sequence[tuple[str, str]] | None = None,
    sigmas: Mapping[str, float] | None = None,
    sigma_source: str | Mapping[str, str] = "given",
    torso: tuple[str, str] | None = None,
) -> Skeleton:
    """A skeleton from names alone: what is not given follows from the joints' names.

    Args:
        name: the skeleton's name.
        joints: K joint names.
        limbs: pairs of names.
        flip_pairs: (left, right) pairs; by default every `left_x` with its `right_x` (also `x_left`, `l_x`).
        sigmas: sigma by joint name; the rest come from COCO and the sources `sigma_sources` names.
        sigma_source: what to print as the source of the given sigmas, for all of them or by joint.
        torso: by default left_shoulder and right_hip where both exist.

    Raises:
        SkeletonError: duplicate or empty names, a limb or pair of unknown joints, a sigma that is not positive.
    """
    if flip_pairs is None:
        flip_pairs = _pair_by_name(joints)
    values, sources = [], []
    for joint in joints:
        if sigmas is not None and joint in sigmas:
            value = float(sigmas[joint])
            source = sigma_source if isinstance(sigma_source, str) else sigma_source.get(joint, "given")
        else:
            value, source = _known_sigma(joint)
        values.append(value)
        sources.append(source)
    if torso is None and "left_shoulder" in joints and "right_hip" in joints:
        torso = ("left_shoulder", "right_hip")
    return Skeleton(name, tuple(joints), tuple(limbs), tuple(flip_pairs), tuple(values), tuple(sources), torso)


def _check(skeleton: Skeleton) -> None:
    where = f"skeleton {skeleton.name!r}"
    if not skeleton.joints:
        raise SkeletonError(f"{where}: no joints, expected at least one")
    if any(not joint for joint in skeleton.joints):
        raise SkeletonError(f"{where}: a joint has an empty name")
    seen: set[str] = set()
    for joint in skeleton.joints:
        if joint in seen:
            raise SkeletonError(f"{where}: joint {joint!r} stands twice")
        seen.add(joint)
    for kind, pairs in (("limb", skeleton.limbs), ("flip pair", skeleton.flip_pairs)):
        for pair in pairs:
            for joint in pair:
                if joint not in seen:
                    raise SkeletonError(f"{where}: {kind} {pair!r} names {joint!r}, which is not a joint")
    in_pairs = [joint for pair in skeleton.flip_pairs for joint in pair]
    if len(in_pairs) != len(set(in_pairs)):
        raise SkeletonError(f"{where}: a joint stands in two flip pairs")
    if skeleton.torso is not None and not set(skeleton.torso) <= seen:
        raise SkeletonError(f"{where}: torso {skeleton.torso!r} names a joint that is not there")
    for joint, sigma in zip(skeleton.joints, skeleton.sigmas, strict=True):
        if not (np.isfinite(sigma) and sigma > 0):
            raise SkeletonError(f"{where}: sigma of {joint!r} is {sigma}, expected a positive number")


def _canonical(joint: str) -> str:
    return ALIASES.get(joint, joint)


def _known_sigma(joint: str) -> tuple[float, str]:
    joint = _canonical(joint)
    base = joint.removeprefix("left_").removeprefix("right_")
    if base in COCO_SIGMAS:
        return COCO_SIGMAS[base], _COCO_SOURCE
    return _OTHER_SIGMAS.get(joint, _UNKNOWN_SIGMA)


def _pair_by_name(joints: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for joint in joints:
        for left, right in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("l_", "r_"), ("L_", "R_")):
            mirror = joint.replace(left, right, 1)
            starts = joint.startswith(left) or (left.lower() == "left" and joint.endswith(left))
            if starts and mirror != joint and mirror in joints:
                pairs.append((joint, mirror))
                break
    return pairs
