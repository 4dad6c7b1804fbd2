"""Rules D501-D505: the set as a whole, people and photos that stand in it twice, and what was never labelled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.findings import Hits, at, rule
from labeltool.coco.group import JointGroup
from labeltool.coco.show import show
from labeltool.coco.view import View

#: Two people of one image are one person labelled twice when their OKS exceeds this, both ways.
SAME_PERSON = 0.9
# A person is compared with this many neighbours of its image, in the order of the joints' mean x, as far as the middles of the
# joints lie within half the root of the larger area.
_NEIGHBOURS = 64

#: A set of fewer people with labelled joints says nothing about how it was labelled.
ENOUGH_PEOPLE = 20
#: A joint is rare when it is labelled this much more seldom than the most frequent one.
_RARE = 0.05
# Enough labelled joints, hidden and visible, to ask whether hiding depends on the joint.
_ENOUGH_FLAGS = 1000
_RANDOM = 2.0


@rule("D501", "warning", "drop one of the two")
def people_labelled_once(view: View) -> Iterator[Hits]:
    """No two people of an image are the same person: identical joints, or OKS above 0.9 both ways.

    A person labelled twice halves the score of a detector that is right: pycocotools says AP 0.505. It happens in COCO itself.
    Crowds are not compared; the OKS is COCO's, with each person's own area and labelled joints.

    Bad: `{"id": 17, "image_id": 7, "keypoints": [10, 20, 2]}` and `{"id": 18, "image_id": 7, "keypoints": [10, 20, 2]}`
    Good: `{"id": 17, "image_id": 7, "keypoints": [10, 20, 2]}` alone
    """
    for group in view.joint_groups:
        twice = _same_people(view, group)

        def text(row: int, twice: dict[int, tuple[int, float]] = twice) -> str:
            other, oks = twice[row]
            same = "the same joints as" if oks == 1.0 else f"OKS {oks:.2f} with"
            return f"{same} {view.annotations.place(other)}"

        yield at(view.annotations, sorted(twice), text)


@rule("D502", "warning", "nothing to do where the photo shows nobody; else label the people")
def images_have_annotations(view: View) -> Iterator[Hits]:
    """Every image has an annotation.

    A photo of nobody is a legitimate negative; one that was forgotten turns every right detection on it into a false one. A
    file without any annotation has not been labelled yet, and is not reported.

    Bad: `{"id": 7, "file_name": "a.jpg"}` without an annotation whose `image_id` is 7
    Good: `{"id": 17, "image_id": 7, ...}`
    """
    if not len(view.annotations):
        return
    bare = np.ones(len(view.images) + 1, dtype=bool)
    bare[view.image_of] = False
    rows = np.flatnonzero(bare[: len(view.images)])
    # Of an id that stands twice, the annotations go to the first image; the second is I102's.
    firsts = set(view.image_rows.values())
    yield at(view.images, [row for row in rows.tolist() if row in firsts], lambda _: "no annotation")


@rule("D503", "warning", "do not read v = 1 and v = 2 as hidden and visible in this set")
def visibility_annotated(view: View) -> Iterator[Hits]:
    """Visibility was annotated: v is not the same for every labelled joint, and depends on the joint.

    Judged from 20 people on. Hidden joints are never spread evenly: ankles and ears are hidden more often than noses. Where the
    share of v = 1 is the same for every joint (chi-square over degrees of freedom below 2, from 1,000 labelled joints on), v was
    made up.

    Bad: v = 2 for all 12,000 labelled joints
    Good: v = 2 for 9,000 and v = 1 for 3,000 of them, the ankles more often than the nose
    """
    found: dict[int, str] = {}
    for group in view.joint_groups:
        if int((group.counts > 0).sum()) < ENOUGH_PEOPLE:
            continue
        hidden, visible = (group.v == 1).sum(axis=0), (group.v == 2).sum(axis=0)
        total = int(hidden.sum() + visible.sum())
        for value, other in ((2, hidden), (1, visible)):
            if not other.any():
                found[group.category] = f"v is {value} for all {total:,} labelled joints"
        if total >= _ENOUGH_FLAGS and hidden.any() and visible.any() and _evenly_spread(hidden, visible):
            share = hidden.sum() / total
            found[group.category] = f"v is 1 for {share:.0%} of every joint alike, as if it had been drawn by lot"
    yield at(view.categories, list(found), lambda i: found[i])


@rule("D504", "warning", "label the joint, or leave it out of the category")
def joints_in_use(view: View) -> Iterator[Hits]:
    """Every joint of a category is labelled somewhere, and none is labelled 20 times more seldom than another.

    Judged from 20 people on. A metric averages over joints; one that is never labelled is never measured.

    Bad: `"keypoints": ["nose", "neck"]`, and no annotation with a labelled neck
    Good: `"keypoints": ["nose"]`
    """
    never: dict[int, str] = {}
    seldom: dict[int, str] = {}
    for group in view.joint_groups:
        counts = (group.v > 0).sum(axis=0)
        people = int((group.counts > 0).sum())
        if people < ENOUGH_PEOPLE:
            continue
        missing = [name for name, count in zip(group.names, counts, strict=True) if count == 0]
        if missing:
            more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
            never[group.category] = f"joint {show(missing[0])} is labelled for none of {people:,} people{more}"
        rare = [k for k, count in enumerate(counts.tolist()) if 0 < count < _RARE * counts.max()]
        if rare:
            k, most = rare[0], int(counts.argmax())
            seldom[group.category] = (
                f"joint {show(group.names[k])} is labelled {counts[k]:,} times, "
                f"{show(group.names[most])} {counts[most]:,} times"
            )
    yield at(view.categories, list(never), lambda i: never[i])
    hint = "keep in mind that the mean over joints hides how little is known of this one"
    yield at(view.categories, list(seldom), lambda i: seldom[i], hint=hint)


@rule("D505", "error", "keep the photo in one of the splits only")
def splits_apart(view: View) -> Iterator[Hits]:
    """No photo stands in two splits of one set (checked when other splits are given).

    What a model was trained on it knows: its score on that photo says nothing. Photos are the same when their file names
    are, or their pixels (where the folder of the photos is given). An id that names another photo elsewhere is a warning.

    Bad: `{"id": 7, "file_name": "a.jpg"}` in train.json and in val.json
    Good: `{"id": 7, "file_name": "a.jpg"}` in train.json alone
    """
    same: dict[int, str] = {}
    clash: dict[int, str] = {}
    for split in view.splits:
        names = {_file_of(name): i for i, name in reversed(list(enumerate(split.images.column("file_name"))))}
        digests = {digest: i for i, digest in split.photo_digests.items()}
        for i, name in enumerate(view.images.column("file_name")):
            if isinstance(name, str) and name in names:
                same.setdefault(i, f"file_name {show(name)} is also in {split.name}: {split.images.place(names[name])}")
            elif view.photo_digests.get(i) in digests:
                other = digests[view.photo_digests[i]]
                same.setdefault(i, f"the same pixels as in {split.name}: {split.images.place(other)}")
            elif isinstance(view.images.rows[i].get("id"), int) and view.images.rows[i]["id"] in split.image_rows:
                clash.setdefault(i, f"id {show(view.images.rows[i]['id'])} is another photo in {split.name}")
    yield at(view.images, sorted(same), lambda i: same[i])
    hint = "renumber the images of one split if the two are ever to be merged"
    yield at(view.images, sorted(clash), lambda i: clash[i], severity="warning", hint=hint)


def _file_of(name: object) -> str | None:
    return name if isinstance(name, str) and name else None


def _same_people(view: View, group: JointGroup) -> dict[int, tuple[int, float]]:
    """For each annotation that is an earlier one of its image labelled again: (that one, the smaller OKS of both ways)."""
    images = view.image_of[group.rows]
    *places, there = group.by_joint
    use = np.flatnonzero((group.counts > 0) & ~view.crowds[group.rows] & (images >= 0))
    x, y = ((values * there).sum(axis=0)[use] / group.counts[use] for values in places)
    order = np.lexsort((x, images[use]))
    use, x, y = use[order], x[order], y[order]
    of, reach = images[use], 0.5 * np.maximum(np.sqrt(np.nan_to_num(view.areas[group.rows[use]])), 2.0)
    sigmas = view.sigmas_of(group)
    found: dict[int, tuple[int, float]] = {}
    for step in range(1, min(_NEIGHBOURS, len(use) - 1) + 1):
        mates = np.flatnonzero(of[step:] == of[:-step])
        if not len(mates):
            break
        after = mates + step
        far = np.maximum(reach[mates], reach[after])
        near = (x[after] - x[mates] <= far) & (np.abs(y[after] - y[mates]) <= far)
        a, b = use[mates[near]], use[after[near]]
        oks = _oks_both_ways(view, group, a, b, sigmas)
        for i in np.flatnonzero(oks > SAME_PERSON).tolist():
            first, second = sorted((int(group.rows[a[i]]), int(group.rows[b[i]])))
            if found.get(second, (0, 0.0))[1] < oks[i]:
                found[second] = (first, float(oks[i]))
    return found


def _oks_both_ways(
    view: View, group: JointGroup, a: NDArray[np.intp], b: NDArray[np.intp], sigmas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,) the smaller OKS of a held against b and b against a, indices into the group; 1 for people with identical joints."""
    one, other = (group.values[rows].reshape(-1, len(group.names), 3).astype(np.float64) for rows in (a, b))
    apart = one[:, :, :2] - other[:, :, :2]
    squared = np.square(apart).sum(axis=2)
    one_has, other_has = one[:, :, 2] > 0, other[:, :, 2] > 0
    found = np.minimum(
        _oks(squared, one_has, view.areas[group.rows[a]], sigmas),
        _oks(squared, other_has, view.areas[group.rows[b]], sigmas),
    )
    found[(one_has == other_has).all(axis=1) & ((apart == 0).all(axis=2) | ~one_has).all(axis=1)] = 1.0
    return found


def _oks(
    squared: NDArray[np.float64], there: NDArray[np.bool_], areas: NDArray[np.float64], sigmas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,) OKS of people with these labelled joints and areas, given (n, K) squared distances (cocoeval.computeOks)."""
    area = np.nan_to_num(areas)[:, None] + np.spacing(1)
    similar = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    mean: NDArray[np.float64] = (similar * there).sum(axis=1) / there.sum(axis=1)
    return mean


def _evenly_spread(hidden: NDArray[np.intp], visible: NDArray[np.intp]) -> bool:
    """Whether the share of hidden joints is the same for every joint: chi-square over degrees of freedom below 2."""
    total = hidden + visible
    used = total > 0
    share = hidden.sum() / total.sum()
    expected = total[used] * share
    chi_square = ((hidden[used] - expected) ** 2 / (expected * (1 - share))).sum()
    return bool(used.sum() > 2 and chi_square / (used.sum() - 1) < _RANDOM)
