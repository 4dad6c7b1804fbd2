from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools_oracle import ten_numbers
from random_files import random_files

from labeltool.audit import audit, detections_from_coco, labels_from_coco
from labeltool.audit.by_image import OVERALL, sum_images, sums_of_values
from labeltool.audit.people import rows_in_parts
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14


@pytest.fixture(scope="module")
def files():
    return random_files(31, COCO_17, images=40, boxes=True)


@pytest.fixture(scope="module")
def arrays(files):
    document, results = files
    return labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)


def same(a, b):
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert value == pytest.approx(b[name], abs=1e-12, nan_ok=True), name


def test_all_images_together_are_the_audit(arrays):
    values, whole = sum_images(*arrays, COCO_17).values(), audit(*arrays, COCO_17)
    for row in whole.joints:
        assert values["ks", row.joint] == pytest.approx(row.ks, abs=1e-12)
        assert values["pdj@0.2", row.joint] == pytest.approx(row.pdj, abs=1e-12)
    assert values["pdj@0.2", OVERALL] == pytest.approx(whole.pdj.overall[3], abs=1e-12)
    for name in ("AP", "AP50", "AP75", "AR"):
        assert values[name, OVERALL] == pytest.approx(getattr(whole.oks, name), abs=1e-12)


def test_oks_is_the_mean_over_people_and_ks_over_joints(arrays):
    labels, detections = arrays
    sums = sum_images(labels, detections, COCO_17)
    at = sums.names.index(("oks", OVERALL))
    assert sums.counted[:, at].sum() == labels.people.sum()
    ks = sums.names.index(("ks", OVERALL))
    assert sums.counted[:, ks].sum() == (labels.v > 0)[labels.people].sum()
    joints = [i for i, (metric, joint) in enumerate(sums.names) if metric == "ks" and joint != OVERALL]
    np.testing.assert_allclose(sums.total[:, joints].sum(axis=1), sums.total[:, ks])


def test_parts_add_up_in_any_order(arrays, monkeypatch):
    labels, detections = arrays
    whole = sum_images(labels, detections, COCO_17)
    parts = [
        sum_images(labels.take(labels.image % 3 == r), detections.take(detections.image % 3 == r), COCO_17)
        for r in (2, 0, 1)
    ]
    added = parts[0] + parts[1] + parts[2]
    assert added.images.tolist() == whole.images.tolist()
    np.testing.assert_allclose(added.total, whole.total)
    same(added.values(), whole.values())
    monkeypatch.setattr("labeltool.audit.by_image.rows_in_parts", lambda *both: rows_in_parts(*both, rows=60))
    same(sum_images(labels, detections, COCO_17).values(), whole.values())
    with pytest.raises(AuditError, match="an image stands in two parts"):
        parts[0] + parts[0]
    with pytest.raises(AuditError, match="other statistics"):
        parts[0] + sum_images(*arrays, COCO_17, threshold=0.1)


def test_people_who_do_not_count_excuse_their_detections_as_in_pycocotools(files, arrays):
    document, results = files
    labels, detections = arrays
    rows = labels.people & (np.arange(len(labels)) % 3 == 0)
    # num_keypoints = 0 is how pycocotools is told to ignore a person.
    kept_images = set(labels.image[rows].tolist())
    people = [
        a if rows[i] else {**a, "num_keypoints": 0}
        for i, a in enumerate(document["annotations"])
        if a["image_id"] in kept_images
    ]
    expected = ten_numbers(
        {**document, "images": [{"id": i} for i in kept_images], "annotations": people},
        [r for r in results if r["image_id"] in kept_images],
        COCO_17.sigmas,
    )
    values = sum_images(labels, detections, COCO_17, rows=rows).values()
    for name in ("AP", "AP50", "AP75", "AR"):
        assert values[name, OVERALL] == pytest.approx(expected[name], abs=1e-12)


def test_rows_keep_the_detection_that_speaks_for_them(arrays):
    labels, detections = arrays
    rows = np.arange(len(labels)) % 2 == 0
    both = [sum_images(labels, detections, COCO_17, rows=r) for r in (rows, ~rows)]
    whole = sum_images(labels, detections, COCO_17)
    np.testing.assert_allclose(sum(b.total.sum(axis=0) for b in both), whole.total.sum(axis=0))
    np.testing.assert_allclose(sum(b.counted.sum(axis=0) for b in both), whole.counted.sum(axis=0))


def test_joints_that_count(arrays):
    labels, detections = arrays
    by_v = [sum_images(labels, detections, COCO_17, joints=labels.v == v) for v in (1, 2)]
    whole = sum_images(labels, detections, COCO_17)
    ks = whole.names.index(("ks", OVERALL))
    assert sum(b.total[:, ks].sum() for b in by_v) == pytest.approx(whole.total[:, ks].sum())
    assert by_v[0].detections is None and ("AP", OVERALL) not in by_v[0].values()


def test_means_of_any_numbers():
    sums = sums_of_values([7, 3, 7], [("seconds", OVERALL), ("flag", OVERALL)], [[1, 0], [4, np.nan], [3, np.nan]])
    assert sums.images.tolist() == [3, 7] and sums.total.tolist() == [[4, 0], [4, 0]]
    assert sums.values() == {("seconds", OVERALL): pytest.approx(8 / 3), ("flag", OVERALL): 0}
    assert math.isnan(sums_of_values([1], [("x", "y")], [[np.nan]]).values()["x", "y"])
    with pytest.raises(AuditError, match=r"values have shape \(1, 1\), expected \(1, 2\)"):
        sums_of_values([1], [("a", ""), ("b", "")], [[1]])


def test_more_images_add_nothing(arrays):
    sums = sum_images(*arrays, COCO_17)
    more = sums.at(np.union1d(sums.images, [-5, 20_000]))
    assert len(more.images) == len(sums.images) + 2
    same(more.values(), sums.values())
    with pytest.raises(AuditError, match="fewer images"):
        sums.at(sums.images[1:])


def test_masks_of_another_shape_are_refused(arrays):
    with pytest.raises(AuditError, match=r"rows and joints have shapes \(3,\)"):
        sum_images(*arrays, COCO_17, rows=np.ones(3, dtype=bool))
    with pytest.raises(AuditError, match="labels: 17 joints a person, expected 14"):
        sum_images(*arrays, LSP_14)


def test_nobody_and_nothing(arrays):
    labels, detections = arrays
    nobody = sum_images(labels, detections, COCO_17, rows=np.zeros(len(labels), dtype=bool))
    assert len(nobody.images) == 0 and nobody.values()["AP", OVERALL] == -1
    assert math.isnan(nobody.values()["ks", "nose"])
