from __future__ import annotations

import numpy as np
import pytest

from labeltool.audit.people import NO_PERSON, Detections, Labels, in_parts
from labeltool.errors import AuditError


def test_labels_have_defaults_and_can_be_taken_apart():
    labels = Labels.of([4, 5, 6], np.zeros((3, 2, 2)), [[2, 1], [0, 0], [0, 1]], [1, 2, 3], crowd=[False, False, True])
    assert labels.person.tolist() == [1, 2, 3] and np.isnan(labels.box).all()
    assert labels.people.tolist() == [True, False, False]
    assert labels.take([2, 0]).image.tolist() == [6, 4]
    assert len(labels.take(labels.area > 5)) == 0


def test_detections_take_the_extent_of_what_is_predicted():
    xy = np.array([[[1, 2], [5, 9], [100, 100]]], dtype=float)
    detections = Detections.of([1], xy, [0.5], predicted=[True, True, False])
    assert detections.box.tolist() == [[1, 2, 4, 7]] and detections.area.tolist() == [28]
    assert np.isnan(detections.xy[0, 2]).all()
    assert not np.isnan(xy).any(), "the argument was changed"
    assert detections.person.tolist() == [NO_PERSON]
    nothing = Detections.of([1], xy, [0.5], predicted=[False] * 3)
    assert nothing.area.tolist() == [0] and nothing.box.tolist() == [[0, 0, 0, 0]]


def test_detections_can_be_taken_apart():
    detections = Detections.of([4, 5], np.zeros((2, 3, 2)), [0.1, 0.2], confidence=np.ones((2, 3)), person=[8, 9])
    second = detections.take([1])
    assert (second.image.tolist(), second.person.tolist(), second.score.tolist()) == ([5], [9], [0.2])
    assert second.confidence is not None and second.confidence.shape == (1, 3)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"xy": np.zeros((1, 2))}, r"labels: xy has shape \(1, 2\), expected \(people, joints, 2\)"),
        ({"v": [[1]]}, r"labels: v has shape \(1, 1\), expected \(1, 2\)"),
        ({"box": [[1, 2, 3]]}, r"labels: box has shape \(1, 3\), expected \(1, 4\)"),
        ({"area": [0]}, r"labels\[0\] \(id 1, image 7\): area is 0, expected a positive number"),
        ({"area": [np.nan]}, r"labels\[0\] \(id 1, image 7\): area is nan, expected a positive number"),
        ({"xy": [[[1, np.inf], [0, 0]]]}, r"labels\[0\] \(id 1, image 7\): joint 0 is at \(1, inf\), expected numbers"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(changes, line):
    fields = {"image": [7], "xy": np.zeros((1, 2, 2)), "v": [[1, 1]], "area": [1.0], **changes}
    with pytest.raises(AuditError, match=line):
        Labels.of(**fields)


def test_crowds_and_people_without_joints_may_have_no_area():
    assert len(Labels.of([1, 1], np.zeros((2, 1, 2)), [[0], [2]], [0, 0], crowd=[False, True])) == 2


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"xy": [[[np.nan, 3], [0, 0]]]},
            r"detections\[0\] \(image 7\): joint 0 is at \(nan, 3\), expected finite numbers",
        ),
        ({"score": [np.nan]}, r"detections\[0\] \(image 7\): score is nan, expected a finite number"),
        ({"box": [[0, 0, np.inf, 1]]}, r"detections\[0\] \(image 7\): area is inf, expected a finite number"),
        ({"score": [1, 2]}, r"detections: score has shape \(2,\), expected \(1,\)"),
        ({"box": [0, 0, 1, 1]}, r"detections: box has shape \(4,\), expected \(1, 4\)"),
        ({"predicted": [True]}, r"detections: predicted has shape \(1,\), expected \(1, 2\) or \(2,\)"),
        ({"confidence": [[1]]}, r"detections: confidence has shape \(1, 1\), expected \(1, 2\)"),
    ],
)
def test_detections_that_cannot_be_used_are_refused(changes, line):
    fields = {"image": [7], "xy": np.zeros((1, 2, 2)), "score": [1.0], **changes}
    with pytest.raises(AuditError, match=line):
        Detections.of(**fields)


def test_parts_hold_whole_images_in_file_order():
    rng = np.random.default_rng(2)
    labels = Labels.of(rng.integers(0, 30, 80), np.zeros((80, 1, 2)), np.ones((80, 1)), np.ones(80))
    detections = Detections.of(rng.integers(0, 30, 90), np.zeros((90, 1, 2)), np.arange(90))
    for rows in (1, 7, 40, 169, 170):
        parts = list(in_parts(labels, detections, rows))
        assert len(parts) == 1 or rows < 170
        seen: list[int] = []
        for some_labels, some_detections in parts:
            images = np.union1d(some_labels.image, some_detections.image).tolist()
            assert images and not set(images) & set(seen)
            seen += images
            for image in images:
                expected = labels.person[labels.image == image]
                assert some_labels.person[some_labels.image == image].tolist() == expected.tolist()
                expected = detections.score[detections.image == image]
                assert some_detections.score[some_detections.image == image].tolist() == expected.tolist()
        assert len(seen) == 30 and sum(len(part[0]) for part in parts) == 80
