"""Labels of the same photos by several labellers: who is whom, how well they agree, and the sigmas that amounts to.

A project holds one state of each person, which everybody who works on it goes on from: two words on a person that were made
without knowing of each other need two projects, or two files. Photos are the same where their file names are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.audit import Agreement, Labels, agreement, labels_from_coco
from labeltool.audit.agreement import SIGMA_BANDS
from labeltool.audit.oks import keypoint_similarity
from labeltool.coco.document import CocoDocument, person_category
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton, from_category

#: The least OKS of two labels that may be of one person: the criterion by which COCO's analysis finds who is meant.
LEAST_OKS = 0.1

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Agreed:
    """How several sources agree on the people of the photos that they share.

    Attributes:
        names: of the sources.
        photos: how many photos all pairs of sources share, summed over the pairs.
        found: pairs of labels of one person, with the joints that both labelled.
        labels: the labels that `found` points into.
        alone: for each source the people that another source has nobody for.
        same_flag: (K,) of the joints that both labelled, the share with the same v.
        file_names: the photo by its number in `labels.image`.
    """

    names: tuple[str, ...]
    photos: int
    found: Agreement
    labels: Labels
    alone: Mapping[str, int]
    same_flag: FloatArray
    file_names: Mapping[int, str]


def agree(documents: Sequence[CocoDocument]) -> Agreed:
    """How the labels of several documents of the same photos agree.

    - **Photos** are matched by file name; those that only one source has are left out.
    - **People** are matched within a photo by OKS, the greatest first, each person once, from 0.1 on; s^2 is the mean of the two
      areas. Whom nobody matches counts as `alone`: a labeller who marked somebody else disagrees there, not in the joints.
    - **Left out**: crowds, people without labelled joints.

    Args:
        documents: two or more, with the same joints.

    Raises:
        AuditError: fewer than two, other joints, no photo in common, nobody matched.
        CocoError: a document is damaged.
    """
    if len(documents) < 2:
        raise AuditError("agreement: one source, expected two or more of the same photos")
    skeleton = from_category(person_category(documents[0]))
    numbers: dict[str, int] = {}
    every = [_labels(document, skeleton, numbers) for document in documents]
    start = np.concatenate([[0], np.cumsum([len(one) for one in every])])
    person = -np.arange(1, int(start[-1]) + 1)  # nobody is anybody else until matched
    names = tuple(document.source for document in documents)
    whole = _joined(every, person)
    photos, alone = 0, dict.fromkeys(names, 0)
    parts: list[Agreement] = []
    for a, b in combinations(range(len(every)), 2):
        shared = set(every[a].image.tolist()) & set(every[b].image.tolist())
        shared |= _images(documents[a], numbers) & _images(documents[b], numbers)
        photos += len(shared)
        pairs = _match(every[a], every[b], skeleton, shared)
        one = np.array([i for i, _ in pairs], dtype=np.intp) + start[a]
        other = np.array([j for _, j in pairs], dtype=np.intp) + start[b]
        ids = person.copy()
        ids[one] = ids[other] = np.arange(1, len(pairs) + 1)
        parts.append(agreement(_joined(every, ids), skeleton))
        for n, rows in ((a, one - start[a]), (b, other - start[b])):
            here = np.isin(every[n].image, list(shared)) & every[n].people
            alone[names[n]] += int(here.sum()) - len(rows)
    if not photos:
        raise AuditError(f"{' and '.join(names)}: no photo in common, expected the same file names")
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    if not len(found):
        raise AuditError(f"{' and '.join(names)}: nobody was labelled by two of them, expected some")
    v = whole.v
    both = (v[found.first] > 0) & (v[found.second] > 0)
    same = (v[found.first] == v[found.second]) & both
    share = np.divide(same.sum(axis=0), both.sum(axis=0), out=np.full(len(skeleton), np.nan), where=both.any(axis=0))
    return Agreed(names, photos, found, whole, alone, share, {n: name for name, n in numbers.items()})


def agreed_json(one: Agreed, *, replicates: int = 1000, seed: int = 0) -> dict[str, Any]:
    """The numbers as plain data: of the whole, by joint, and the pairs that agree least."""
    found = one.found
    low, high = found.sigma_intervals(replicates=replicates, seed=seed)
    within, n = found.shares_within(), found.n()
    columns = (found.mean_ks(), found.sigmas(), low, high, found.robust_sigmas(), one.same_flag)
    joints = []
    for k, joint in enumerate(found.skeleton.joints):
        values = dict(
            zip(("ks", "sigma", "sigma_low", "sigma_high", "robust_sigma", "same_flag"), columns, strict=True)
        )
        joints.append(
            {"joint": joint, "n": int(n[k]), "only_one": int(found.only_one[k])}
            | {name: _number(column[k]) for name, column in values.items()}
            | {f"within_{m + 1}_sigma": _number(within[m, k]) for m in range(len(SIGMA_BANDS))}
            | {"given_sigma": found.skeleton.sigmas[k]}
        )
    return {
        "sources": list(one.names),
        "photos": one.photos,
        "pairs": len(found),
        "alone": dict(one.alone),
        "median_oks": _number(found.median_oks()),
        "replicates": replicates,
        "seed": seed,
        "joints": joints,
        "least": least_agreed(one),
    }


def least_agreed(one: Agreed, most: int = 20) -> list[dict[str, Any]]:
    """The pairs with the least OKS: the photo, and the joint that is farthest off."""
    found = one.found
    oks = found.oks()
    rows = np.argsort(np.where(np.isnan(oks), np.inf, oks), kind="stable")[:most]
    ks = np.where(np.isnan(found.ks()), np.inf, found.ks())
    return [
        {
            "file_name": one.file_names[int(found.image[row])],
            "oks": _number(oks[row]),
            "joint": found.skeleton.joints[int(ks[row].argmin())],
            "ks": _number(float(ks[row].min())),
        }
        for row in rows.tolist()
        if np.isfinite(oks[row])
    ]


def agreed_text(data: Mapping[str, Any]) -> str:
    """The numbers of `agreed_json` as a table for a terminal."""
    alone = ", ".join(f"{count:,} of {name}" for name, count in data["alone"].items())
    lines = [
        f"{data['pairs']:,} people labelled twice on {data['photos']:,} shared photos; with nobody to match: {alone}",
        f"median OKS {_shown(data['median_oks'])} (COCO's own annotators: about .91)",
        "",
        f"{'joint':<16}{'n':>7}{'one only':>9}{'ks':>7}{'sigma':>8}{'95 %':>17}{'robust':>8}{'given':>8}{'same v':>8}",
    ]
    for row in data["joints"]:
        between = "" if row["sigma_low"] is None else f"{row['sigma_low']:.3f} to {row['sigma_high']:.3f}"
        lines.append(
            f"{row['joint']:<16}{row['n']:>7,}{row['only_one']:>9,}{_shown(row['ks']):>7}{_shown(row['sigma']):>8}{between:>17}"
            f"{_shown(row['robust_sigma']):>8}{row['given_sigma']:>8.3f}{_shown(row['same_flag']):>8}"
        )
    lines += ["", "least agreed:"]
    lines += [
        f"  OKS {_shown(r['oks'])}  {r['file_name']}: {r['joint']} (ks {_shown(r['ks'])})" for r in data["least"][:5]
    ]
    return "\n".join(lines) + "\n"


def _labels(document: CocoDocument, skeleton: Skeleton, numbers: dict[str, int]) -> Labels:
    """The labels with images numbered by file name, across the documents."""
    category = person_category(document)
    if from_category(category).joints != skeleton.joints:
        raise AuditError(f"{document.source}: other joints than the first source's, expected the same to compare them")
    images = {image["id"]: numbers.setdefault(str(image["file_name"]), len(numbers)) for image in document.images}
    try:
        labels = labels_from_coco(document.annotations, skeleton, category_id=category["id"], image_ids=list(images))
    except AuditError as error:
        raise AuditError(f"{document.source}: {error}") from None
    image = np.array([images[i] for i in labels.image.tolist()], dtype=np.int64)
    return Labels(image, labels.person, labels.xy, labels.v, labels.area, labels.box, labels.crowd)


def _images(document: CocoDocument, numbers: Mapping[str, int]) -> set[int]:
    return {numbers[str(image["file_name"])] for image in document.images}


def _match(a: Labels, b: Labels, skeleton: Skeleton, shared: set[int]) -> list[tuple[int, int]]:
    """Rows of a and of b that are of one person."""
    by_image: dict[int, list[int]] = {}
    for row in np.flatnonzero(b.people).tolist():
        by_image.setdefault(int(b.image[row]), []).append(row)
    candidates = []
    for row in np.flatnonzero(a.people & np.isin(a.image, list(shared))).tolist():
        others = by_image.get(int(a.image[row]), [])
        if not others:
            continue
        both = (a.v[row] > 0) & (b.v[others] > 0)
        repeated = np.repeat(a.xy[row][None], len(others), axis=0)
        ks = keypoint_similarity(repeated, b.xy[others], (a.area[row] + b.area[others]) / 2, skeleton.sigmas)
        count = both.sum(axis=1)
        oks = np.where(count > 0, np.where(both, ks, 0).sum(axis=1) / np.maximum(count, 1), 0.0)
        candidates += [
            (-float(value), row, other) for value, other in zip(oks, others, strict=True) if value >= LEAST_OKS
        ]
    used_a: set[int] = set()
    used_b: set[int] = set()
    pairs = []
    for _, row, other in sorted(candidates):
        if row not in used_a and other not in used_b:
            used_a.add(row)
            used_b.add(other)
            pairs.append((row, other))
    return sorted(pairs)


def _joined(every: Sequence[Labels], person: NDArray[np.int64]) -> Labels:
    def stack(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(one, name) for one in every])

    return Labels(stack("image"), person, stack("xy"), stack("v"), stack("area"), stack("box"), stack("crowd"))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
