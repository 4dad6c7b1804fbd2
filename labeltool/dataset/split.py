"""Splitting a document into parts that share no image, and no scene where a group key says what a scene is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.coco.show import show
from labeltool.dataset.arrays import check_structure, with_rows
from labeltool.errors import CocoError

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Part:
    """One part of a split.

    Attributes:
        document: its images with all their annotations; categories and the rest are those of the whole.
        share: the share of the images that was asked for.
        groups: how many groups of images it has.
        people: annotations in it.
        visible: joints with v = 2 in it.
    """

    document: CocoDocument
    share: float
    groups: int
    people: int
    visible: int


def split(
    document: CocoDocument,
    shares: Mapping[str, float],
    *,
    seed: int = 0,
    group: str | None = None,
    stratify: bool = False,
) -> dict[str, Part]:
    """The document in parts, by image: each image is in exactly one part, with all its annotations, in file order.

    - **Groups** stay together. Images of one file name are always one group.
    - **Shares** are of images. Without `stratify`, groups are shuffled and dealt to the part that is furthest below its share.
    - **Stratified**: groups are dealt, the largest first, so that the shares of images, people and visible joints (v = 2) all
      come close to those asked for.
    - **Seeded**: the same document, shares, group and seed give the same parts on every machine.

    Args:
        document: a document whose ids and references hold.
        shares: the share of each part by its name; they sum to 1.
        seed: of the shuffle.
        group: the name of an image field, or `re:` and a regular expression for the file name, whose first group (or whole
            match) is the key. An image without a key is its own group.
        stratify: whether people and visible joints count too.

    Raises:
        CocoError: the document is damaged, the shares do not sum to 1, the group key fits no image, or a part stays empty.
    """
    check_structure(document)
    _check_shares(shares)
    groups = _groups(document, group)
    sizes = _sizes(document, groups)
    order = list(range(len(groups)))
    Random(seed).shuffle(order)
    weights = sizes if stratify else sizes[:, :1]
    if stratify:
        order.sort(key=lambda n: tuple(-sizes[n, [1, 2, 0]]))
    chosen = _deal(weights, order, np.array(list(shares.values())))
    parts: dict[str, Part] = {}
    for p, (name, share) in enumerate(shares.items()):
        mine = np.flatnonzero(chosen == p)
        if not len(mine):
            raise CocoError(
                f"{document.source}: part {name!r} stays empty: {len(groups):,} groups of images for {len(shares)} parts"
            )
        images = {n for g in mine for n in groups[g]}
        kept = [image for n, image in enumerate(document.images) if n in images]
        ids = {image["id"] for image in kept}
        annotations = [a for a in document.annotations if a["image_id"] in ids]
        total = sizes[mine].sum(axis=0)
        parts[name] = Part(with_rows(document, kept, annotations), share, len(mine), int(total[1]), int(total[2]))
    return parts


def _check_shares(shares: Mapping[str, float]) -> None:
    for name, share in shares.items():
        if not 0 < share <= 1:
            raise CocoError(f"share of {name!r} is {share:g}, expected more than 0 and at most 1")
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise CocoError(f"the shares sum to {total:g}, expected 1")


def _groups(document: CocoDocument, group: str | None) -> list[list[int]]:
    """The indices of the images of each group."""
    pattern = _pattern(group)
    keys = [_key(image, group, pattern, document.source) for image in document.images]
    if group is not None and keys and all(key is None for key in keys):
        raise CocoError(f"{document.source}: no image has the group key {group!r}")
    # images of one name are one photo: they tie the groups that they are in together
    parent: dict[tuple[str, Any], tuple[str, Any]] = {}

    def top(node: tuple[str, Any]) -> tuple[str, Any]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for image, key in zip(document.images, keys, strict=True):
        if key is not None:
            parent[top(("name", image["file_name"]))] = top(("key", key))
    groups: dict[tuple[str, Any], list[int]] = {}
    for n, image in enumerate(document.images):
        groups.setdefault(top(("name", image["file_name"])), []).append(n)
    return list(groups.values())


def _pattern(group: str | None) -> re.Pattern[str] | None:
    if group is None or not group.startswith("re:"):
        return None
    try:
        return re.compile(group[3:])
    except re.error as error:
        raise CocoError(f"group key {group!r}: not a regular expression: {error}") from None


def _key(image: Mapping[str, Any], group: str | None, pattern: re.Pattern[str] | None, source: str) -> Any:
    if group is None:
        return None
    if pattern is not None:
        match = pattern.search(image["file_name"])
        return None if match is None else match.group(1 if pattern.groups else 0)
    value = image.get(group)
    if isinstance(value, list | dict):
        raise CocoError(
            f"{source}: image (id {image['id']}): {group} is {show(value)}, expected a text or number as group key"
        )
    return value


def _sizes(document: CocoDocument, groups: list[list[int]]) -> NDArray[np.int64]:
    """Images, people and visible joints of each group: (G, 3) int."""
    place = {image["id"]: n for n, image in enumerate(document.images)}
    people = np.zeros(len(document.images), dtype=np.int64)
    visible = np.zeros(len(document.images), dtype=np.int64)
    for annotation in document.annotations:
        n = place[annotation["image_id"]]
        people[n] += 1
        keypoints = annotation.get("keypoints")
        if isinstance(keypoints, list):
            visible[n] += keypoints[2::3].count(2)
    return np.array([[len(g), people[g].sum(), visible[g].sum()] for g in groups], dtype=np.int64).reshape(-1, 3)


def _deal(weights: NDArray[np.int64], order: list[int], shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """The part of each group: (G,) int.

    Each goes where the sum over parts and weights of x^2 / share grows least, x being what a part has; that sum is smallest when
    every part has just its share, so all parts fill side by side.
    """
    total = np.maximum(weights.sum(axis=0), 1).astype(np.float64)
    filled = np.zeros((len(shares), weights.shape[1]))
    chosen = np.zeros(len(weights), dtype=np.intp)
    for n in order:
        w = weights[n] / total
        cost = (w * (2 * filled + w)).sum(axis=1) / shares
        # equal costs go to the first part, whatever the last bit of the sum
        p = int(np.flatnonzero(cost <= cost.min() * (1 + _TOLERANCE))[0])
        filled[p] += w
        chosen[n] = p
    return chosen
