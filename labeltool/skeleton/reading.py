"""Skeletons out of COCO categories, TOML files and names, and into the tables of a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltool.errors import SkeletonError
from labeltool.skeleton.built_in import BUILT_IN
from labeltool.skeleton.definition import Skeleton, define


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


def _name_pairs(value: Any, field: str) -> list[tuple[str, str]]:
    if not isinstance(value, list) or not all(
        isinstance(p, list | tuple) and len(p) == 2 and all(isinstance(j, str) for j in p) for p in value
    ):
        raise SkeletonError(f"{field} is {value!r}, expected pairs of joint names")
    return [(p[0], p[1]) for p in value]


def _length(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else repr(value)
