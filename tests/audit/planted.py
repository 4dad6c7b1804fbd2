"""Detections with errors of known kinds, planted into real poses: what a diagnosis must find again.

A joint is *clear* when no other reading is nearly as good: the simulator works this out in plain loops of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.audit import Detections, Labels, labels_from_coco
from labeltool.coco.document import read_document
from labeltool.formats.lsp import read_lsp
from labeltool.skeleton import COCO_17, LSP_14, Skeleton

GOOD, JITTER, INVERSION, SWAP, MISS = range(5)
#: Shares of the five kinds that are planted; where one is impossible (no mirror, nobody else) the joint stays good.
RATES = (0.6, 0.13, 0.09, 0.09, 0.09)
#: By how much a planted joint's ks must exceed that of every other reading to be clear.
CLEAR = 0.15


@dataclass(frozen=True)
class Planted:
    """Detections of the labels, the kind planted at each joint (N, K), and which joints (N, K) and people (N,) are clear."""

    labels: Labels
    detections: Detections
    kind: Any
    clear: Any
    clear_person: Any


def coco_people(root: Path, times: int) -> tuple[Labels, Skeleton]:
    """The people of coco-mini, so many times over, each time in new images."""
    labels = labels_from_coco(
        read_document(root / "annotations" / "person_keypoints_val2017.json").annotations, COCO_17
    )
    return repeated(labels, times), COCO_17


@cache
def _athletes(root: Path) -> Labels:
    document = read_lsp(root / "images", root / "joints.mat").document
    return labels_from_coco(document.annotations, LSP_14)


def lspet_people(root: Path, people: int) -> tuple[Labels, Skeleton]:
    """The first athletes of LSPET, two and two brought into one image: the second a little to the right of the first."""
    labels = _athletes(root).take(np.arange(people))
    xy = labels.xy.copy()
    xy[1::2, :, 0] += 40 - xy[1::2].mean(axis=1)[:, None, 0] + xy[::2].mean(axis=1)[:, None, 0]
    image = np.repeat(np.arange(people // 2) + 1, 2)
    return Labels.of(image, xy, labels.v, labels.area, box=labels.box), LSP_14


def repeated(labels: Labels, times: int) -> Labels:
    """The labels so many times over, with new ids of images and people."""
    step = int(labels.image.max()) + 1
    return Labels.of(
        np.concatenate([labels.image + i * step for i in range(times)]),
        *(np.concatenate([a] * times) for a in (labels.xy, labels.v, labels.area)),
        box=np.concatenate([labels.box] * times),
        crowd=np.concatenate([labels.crowd] * times),
    )


def plant(labels: Labels, skeleton: Skeleton, seed: int) -> Planted:
    """One detection for every person with labelled joints, with errors at the usual rates."""
    rng = np.random.default_rng(seed)
    n, k = labels.v.shape
    flip = skeleton.flip_order()
    xy = labels.xy + rng.normal(0, 1, labels.xy.shape)
    kind = np.full((n, k), GOOD)
    rows = np.flatnonzero(labels.people)
    fellows = {i: [q for q in rows if labels.image[q] == labels.image[i] and q != i] for i in rows}
    for i in rows:
        for j in np.flatnonzero(labels.v[i] > 0):
            wanted = rng.choice(5, p=RATES)
            places = [(q, m) for q in fellows[i] for m in {j, flip[j]} if labels.v[q, m] > 0]
            if (wanted == INVERSION and (flip[j] == j or labels.v[i, flip[j]] == 0)) or (wanted == SWAP and not places):
                wanted = GOOD
            target, owner = labels.xy[i, j], i
            if wanted == INVERSION:
                target = labels.xy[i, flip[j]]
            if wanted == SWAP:
                owner, m = places[rng.integers(len(places))]
                target = labels.xy[owner, m]
            low, high = {GOOD: (0.87, 1), JITTER: (0.52, 0.83), MISS: (1e-6, 0.4)}.get(wanted, (0.65, 1))
            kind[i, j] = wanted
            angle, distance = rng.uniform(0, 2 * math.pi), radius(rng.uniform(low, high), labels, skeleton, owner, j)
            xy[i, j] = target + distance * np.array([math.cos(angle), math.sin(angle)])
    clear = np.zeros((n, k), dtype=bool)
    for i in rows:
        for j in np.flatnonzero(labels.v[i] > 0):
            clear[i, j] = _is_clear(xy, labels, skeleton, flip, fellows[i], i, j, kind[i, j])
    chosen = rng.permutation(rows)
    scores = rng.permutation(len(rows)) / len(rows)
    detections = Detections.of(labels.image[chosen], xy[chosen], scores, box=labels.box[chosen])
    clear_person = np.array([_found_for_sure(xy, labels, skeleton, fellows.get(i, []), i) for i in range(n)])
    return Planted(labels, detections, np.where(labels.v > 0, kind, -1), clear, clear_person & labels.people)


def radius(ks: float, labels: Labels, skeleton: Skeleton, owner: int, j: int) -> float:
    """The distance in pixels at which joint j has that ks to the owner's."""
    return math.sqrt(-2 * math.log(ks) * labels.area[owner]) * 2 * skeleton.sigmas[j]


def similarity(point: Any, labels: Labels, skeleton: Skeleton, owner: int, joint: int, j: int) -> float:
    """The ks of a predicted joint j to a joint of a person, -1 where that is not labelled."""
    if labels.v[owner, joint] == 0:
        return -1
    d2 = float(((point - labels.xy[owner, joint]) ** 2).sum())
    return math.exp(-d2 / (2 * labels.area[owner] * (2 * skeleton.sigmas[j]) ** 2))


def _is_clear(xy: Any, labels: Labels, skeleton: Skeleton, flip: Any, fellows: Any, i: int, j: int, kind: int) -> bool:
    own = similarity(xy[i, j], labels, skeleton, i, j, j)
    mirror = similarity(xy[i, j], labels, skeleton, i, flip[j], j) if flip[j] != j else -1
    other = max((similarity(xy[i, j], labels, skeleton, q, m, j) for q in fellows for m in {j, flip[j]}), default=-1)
    if kind == MISS:
        return max(own, mirror, other) < 0.45
    meant, *rivals = {
        GOOD: (own, mirror, other),
        JITTER: (own, mirror, other),
        INVERSION: (mirror, own, other),
        SWAP: (other, own, mirror),
    }[kind]
    return meant >= 0.52 and all(meant - rival > CLEAR for rival in rivals)


def _found_for_sure(xy: Any, labels: Labels, skeleton: Skeleton, fellows: Any, i: int) -> bool:
    def oks(guess: int, person: int) -> float:
        joints = np.flatnonzero(labels.v[person] > 0)
        return sum(similarity(xy[guess, j], labels, skeleton, person, j, j) for j in joints) / max(len(joints), 1)

    own = oks(i, i)
    return own > 0.15 and all(oks(i, q) < own - 0.05 and oks(q, i) < own - 0.05 for q in fellows)
