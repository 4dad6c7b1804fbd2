from __future__ import annotations

import numpy as np
import pytest
from random_files import random_files

from labeltool.audit import Labels, audit, detections_from_coco, labels_from_coco
from labeltool.audit.by_image import OVERALL
from labeltool.audit.slices import (
    audit_slices,
    box_iou,
    by_column,
    by_overlap,
    by_size,
    by_visibility,
    by_visible_joints,
    neighbours,
    standard_slices,
)
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17


@pytest.fixture(scope="module")
def arrays():
    document, results = random_files(17, COCO_17, images=40)
    return labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)


def people(v=None, area=None, box=None, image=None, crowd=None, n=1, k=17):
    v = np.full((n, k), 2) if v is None else np.asarray(v)
    n, k = v.shape
    return Labels.of(
        np.ones(n) if image is None else image,
        np.zeros((n, k, 2)),
        v,
        np.full(n, 100.0) if area is None else area,
        box=box,
        crowd=crowd,
    )


def names(slices, row):
    return [s.name for s in slices if s.rows[row]]


@pytest.mark.parametrize(
    ("n", "name"),
    [
        (0, []),
        (1, ["1-5"]),
        (5, ["1-5"]),
        (6, ["6-10"]),
        (10, ["6-10"]),
        (11, ["11-15"]),
        (15, ["11-15"]),
        (16, ["16-17"]),
        (17, ["16-17"]),
    ],
)
def test_by_visible_joints(n, name):
    v = np.where(np.arange(17) < n, np.where(np.arange(17) % 2, 1, 2), 0)
    assert names(by_visible_joints(people(v[None])), 0) == name


def test_by_visible_joints_of_smaller_skeletons():
    assert [s.name for s in by_visible_joints(people(k=14))] == ["1-5", "6-10", "11-14"]
    assert [s.name for s in by_visible_joints(people(k=16))] == ["1-5", "6-10", "11-15", "16"]
    assert [s.name for s in by_visible_joints(people(k=3))] == ["1-3"]


@pytest.mark.parametrize(
    ("area", "name"), [(32**2 - 1, "small"), (32**2, "medium"), (96**2, "medium"), (96**2 + 0.5, "large")]
)
def test_by_size(area, name):
    assert names(by_size(people(area=[area])), 0) == [name]


def test_by_overlap_counts_others_in_the_image():
    # 10 x 10 boxes: shifted by 5 their IoU is 1/3, by 9 it is 1/19.
    x = [0, 5, 14, 0, 0, 0, 5]
    image = [1, 1, 1, 2, 3, 3, 3]
    box = [[v, 0, 10, 10] for v in x]
    labels = people(n=7, image=image, box=box, crowd=[False] * 6 + [True])
    assert neighbours(labels).tolist() == [1, 1, 0, 0, 1, 1, 2]
    assert [names(by_overlap(labels), row) for row in range(7)] == [
        ["1-2"],
        ["1-2"],
        ["0"],
        ["0"],
        ["1-2"],
        ["1-2"],
        ["1-2"],
    ]
    four = people(n=4, box=[[0, 0, 10, 10]] * 4)
    assert names(by_overlap(four), 3) == ["3+"]
    nowhere = people(n=2, box=[[0, 0, 10, 10], [np.nan] * 4])
    assert neighbours(nowhere).tolist() == [0, 0] and names(by_overlap(nowhere), 1) == []


def test_overlap_of_exactly_a_tenth_is_none():
    # 10 x 11 boxes of which 2 x 10 are shared: 20 / 200.
    a, b = np.array([[0.0, 0, 11, 10]]), np.array([[9.0, 0, 11, 10]])
    assert box_iou(a, b).tolist() == [0.1]
    assert neighbours(people(n=2, box=np.concatenate([a, b]))).tolist() == [0, 0]


def test_iou_equals_pycocotools():
    from pycocotools import mask

    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 50, (2, 200, 4))
    expected = [mask.iou([d.tolist()], [g.tolist()], [0])[0, 0] for d, g in zip(a, b, strict=True)]
    assert box_iou(a, b) == pytest.approx(expected, abs=1e-12)
    assert box_iou(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [0]


def test_by_column():
    slices = by_column("source", ["web", None, 7, "web"])
    assert [(s.group, s.name, s.rows.tolist()) for s in slices] == [
        ("source", "-", [False, True, False, False]),
        ("source", "7", [False, False, True, False]),
        ("source", "web", [True, False, False, True]),
    ]


def test_people_of_a_group_are_divided_without_rest(arrays):
    labels, _ = arrays
    for divide in (by_visible_joints, by_overlap, by_size):
        together = sum(s.rows.astype(int) for s in divide(labels))
        assert (together[labels.people] == 1).all()
    hidden, visible = by_visibility(labels)
    assert ((hidden.joints.astype(int) + visible.joints) == (labels.v > 0)).all()


def test_slices_add_up_to_the_audit(arrays):
    labels, detections = arrays
    whole = audit(labels, detections, COCO_17)
    ks = np.array([row.ks for row in whole.joints]) @ np.array([row.n for row in whole.joints])
    joints = sum(row.n for row in whole.joints)
    for divide in (by_visible_joints, by_overlap, by_size, by_visibility):
        parts = audit_slices(labels, detections, COCO_17, divide(labels))
        assert sum(part.joints for part in parts) == joints
        assert sum(part.values["ks", OVERALL] * part.joints for part in parts if part.joints) == pytest.approx(ks)
        if divide is not by_visibility:
            assert sum(part.people for part in parts) == whole.people


def test_a_slice_of_whole_images_is_the_audit_of_these_images(arrays):
    labels, detections = arrays
    source = np.where(labels.image % 2 == 0, "even", "odd")
    even, _ = audit_slices(labels, detections, COCO_17, by_column("source", source))
    some = labels.take(labels.image % 2 == 0)
    alone = audit(some, detections.take(np.isin(detections.image, some.image)), COCO_17)
    assert even.values["AP", OVERALL] == pytest.approx(alone.oks.AP, abs=1e-12)
    assert even.values["AR", OVERALL] == pytest.approx(alone.oks.AR, abs=1e-12)
    assert even.values["pdj@0.2", OVERALL] == pytest.approx(alone.pdj.overall[3], abs=1e-12)
    assert even.people == alone.people


def test_recall_by_size_is_cocos(arrays):
    labels, detections = arrays
    whole = audit(labels, detections, COCO_17)
    medium = audit_slices(labels, detections, COCO_17, by_size(labels))[1]
    assert medium.values["AR", OVERALL] == pytest.approx(whole.oks.ARM, abs=1e-12)


def test_intervals_of_slices(arrays):
    labels, detections = arrays
    parts = audit_slices(labels, detections, COCO_17, standard_slices(labels), replicates=60)
    for part in parts:
        if part.people > 3:
            interval = part.intervals["ks", OVERALL]
            assert interval.low <= part.values["ks", OVERALL] <= interval.high
    assert [p.name for p in parts] == [
        "1-5",
        "6-10",
        "11-15",
        "16-17",
        "0",
        "1-2",
        "3+",
        "small",
        "medium",
        "large",
        "hidden",
        "visible",
    ]
    nobody = audit_slices(labels, detections, COCO_17, by_column("x", ["a"] * len(labels)), replicates=5)[0]
    assert nobody.people == labels.people.sum()


def test_a_slice_of_other_labels_is_refused(arrays):
    with pytest.raises(AuditError, match="slice size small: 1 people, expected those of the labels"):
        audit_slices(*arrays, COCO_17, by_size(people()))
