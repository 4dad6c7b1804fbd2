"""Skeletons: which joints a person has, by name, and what each metric needs to know of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def from_category(category: Mapping[str, Any]) -> Skeleton:
    """The skeleton of a COCO category: its `keypoints`, 1-based `skeleton`, and `sigmas` when it has them.

    A category whose joints are those of a built-in skeleton, in order, is that skeleton, with the category's own limbs when
    it gives any.

    Raises:
        SkeletonError: no `keypoints`, names that are not unique strings, a limb outside 1..K.
    """
    where = f"category {category.get('name')!r}"
    joints = category.get("keypoints")
    if not isinstance(joints, list) or not joints or not all(isinstance(j, str) and j for j in joints):
        raise SkeletonError(f"{where}: keypoints is {joints!r}, expected a list of joint names")
    limbs = []
    for pair in category.get("skeleton") or []:
        ok = isinstance(pair, list | tuple) and len(pair) == 2 and all(type(i) is int for i in pair)
        if not ok or not all(1 <= i <= len(joints) for i in pair):
            raise SkeletonError(f"{where}: skeleton pair {pair!r}, expected two integers in 1..{len(joints)}")
        limbs.append((joints[pair[0] - 1], joints[pair[1] - 1]))
    raw_sigmas = category.get("sigmas")
    sigmas: dict[str, float] | None = None
    if raw_sigmas is not None:
        if not isinstance(raw_sigmas, list) or len(raw_sigmas) != len(joints):
            raise SkeletonError(f"{where}: sigmas has {_length(raw_sigmas)} values, expected {len(joints)}")
        try:
            sigmas = dict(zip(joints, map(float, raw_sigmas), strict=True))
        except (TypeError, ValueError):
            raise SkeletonError(f"{where}: sigmas {raw_sigmas!r}, expected {len(joints)} numbers") from None
    for known in BUILT_IN.values():
        if known.joints == tuple(joints):
            return define(known.name, joints, limbs or known.limbs, sigmas=sigmas, sigma_source="the COCO category")
    return define(str(category.get("name")), joints, limbs, sigmas=sigmas, sigma_source="the COCO category")


def from_toml(path: Path) -> Skeleton:
    """The skeleton that a small TOML file describes.

    The file holds `name`, `joints` (list of names), and optionally `limbs` and `flip_pairs` (lists of name pairs), `torso` (a
    name pair), a table `sigmas` (name = number) and `sigma_source` (a text, or a table of texts by joint).

    Raises:
        SkeletonError: the file is missing, no TOML, or describes no skeleton.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SkeletonError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SkeletonError(f"{path}: not a TOML file: {error}") from None
    try:
        return from_mapping(data, default_name=path.stem)
    except SkeletonError as error:
        raise SkeletonError(f"{path}: {error}") from None


def from_mapping(data: Mapping[str, Any], default_name: str = "custom") -> Skeleton:
    """The skeleton that the tables of a TOML file describe (see `from_toml`).

    Raises:
        SkeletonError: a field is missing, unknown or of the wrong type.
    """
    known = {"name", "joints", "limbs", "flip_pairs", "sigmas", "sigma_source", "torso"}
    unknown = sorted(set(data) - known)
    if unknown:
        raise SkeletonError(f"unknown field {unknown[0]!r}, expected {', '.join(sorted(known))}")
    joints = data.get("joints")
    if not isinstance(joints, list) or not all(isinstance(j, str) for j in joints):
        what = "joints is missing" if joints is None else f"joints is {joints!r}"
        raise SkeletonError(f"{what}, expected a list of names")
    sigmas = data.get("sigmas")
    if sigmas is not None:
        if not isinstance(sigmas, Mapping) or not all(type(s) in (int, float) for s in sigmas.values()):
            raise SkeletonError(f"sigmas is {sigmas!r}, expected a table of numbers by joint")
        strangers = [j for j in sigmas if j not in joints]
        if strangers:
            raise SkeletonError(f"sigmas names {strangers[0]!r}, expected one of {', '.join(joints)}")
    sources = data.get("sigma_source", "the skeleton file")
    if not isinstance(sources, str | Mapping):
        raise SkeletonError(f"sigma_source is {sources!r}, expected a text, or a table of texts by joint")
    torso = data.get("torso")
    return define(
        str(data.get("name", default_name)),
        joints,
        _name_pairs(data.get("limbs", []), "limbs"),
        flip_pairs=_name_pairs(data["flip_pairs"], "flip_pairs") if "flip_pairs" in data else None,
        sigmas=sigmas,
        sigma_source=sources,
        torso=_name_pairs([torso], "torso")[0] if torso is not None else None,
    )


def to_mapping(skeleton: Skeleton) -> dict[str, Any]:
    """The tables of a TOML file from which `from_mapping` makes an equal skeleton."""
    data: dict[str, Any] = {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "limbs": [list(pair) for pair in skeleton.limbs],
        "flip_pairs": [list(pair) for pair in skeleton.flip_pairs],
        "sigmas": dict(zip(skeleton.joints, skeleton.sigmas, strict=True)),
        "sigma_source": dict(zip(skeleton.joints, skeleton.sigma_sources, strict=True)),
    }
    if skeleton.torso is not None:
        data["torso"] = list(skeleton.torso)
    return data


def get_skeleton(name: str) -> Skeleton:
    """The built-in skeleton of that name, or the one described by the TOML file at that path.

    Raises:
        SkeletonError: neither a built-in name nor a readable file.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name.endswith(".toml") or Path(name).is_file():
        return from_toml(Path(name))
    raise SkeletonError(f"skeleton {name!r}: unknown, expected {', '.join(BUILT_IN)} or a TOML file")


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


def _name_pairs(value: Any, field: str) -> list[tuple[str, str]]:
    if not isinstance(value, list) or not all(
        isinstance(p, list | tuple) and len(p) == 2 and all(isinstance(j, str) for j in p) for p in value
    ):
        raise SkeletonError(f"{field} is {value!r}, expected pairs of joint names")
    return [(p[0], p[1]) for p in value]


def _length(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else repr(value)


#: The 17 joints of COCO, in its order.
COCO_17 = define(
    "coco-17",
    (
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    (
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("right_shoulder", "right_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_elbow", "right_wrist"),
        ("left_eye", "right_eye"),
        ("nose", "left_eye"),
        ("nose", "right_eye"),
        ("left_eye", "left_ear"),
        ("right_eye", "right_ear"),
        ("left_ear", "left_shoulder"),
        ("right_ear", "right_shoulder"),
    ),
)

_LIMBS_OF_BOTH = (
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("right_wrist", "right_elbow"),
    ("right_elbow", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
)

#: The 14 joints of Leeds Sports Pose, in the order of its joints.mat.
LSP_14 = define(
    "lsp-14",
    (
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "neck",
        "head_top",
    ),
    (
        *_LIMBS_OF_BOTH,
        ("right_hip", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "neck"),
        ("left_shoulder", "neck"),
        ("neck", "head_top"),
    ),
)

#: The 16 joints of MPII Human Pose, in its order: the lecture's joints.
MPII_16 = define(
    "mpii-16",
    (
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    (
        *_LIMBS_OF_BOTH,
        ("right_hip", "pelvis"),
        ("left_hip", "pelvis"),
        ("pelvis", "thorax"),
        ("right_shoulder", "thorax"),
        ("left_shoulder", "thorax"),
        ("thorax", "upper_neck"),
        ("upper_neck", "head_top"),
    ),
)

#: The skeletons that need no file, by name.
BUILT_IN: Mapping[str, Skeleton] = {s.name: s for s in (COCO_17, LSP_14, MPII_16)}
