"""COCO annotations and results, as parsed from JSON, made into `Labels` and `Detections`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton, convert

Record = Mapping[str, Any]
_Row = tuple[int, Record]
_Rows = list[_Row]


def labels_from_coco(
    annotations: Sequence[Record],
    skeleton: Skeleton,
    *,
    category_id: int | None = None,
    image_ids: Collection[int] | None = None,
) -> Labels:
    """The people of COCO annotations, in file order.

    Where a file disagrees with itself, the joints are believed; `labeltool validate` names such places.

    - **num_keypoints** is counted from v > 0, whatever the field says. pycocotools believes the field: a labelled person
      with `num_keypoints: 0` vanishes from its numbers, one with 17 and all v = 0 is a free true positive.
    - **Visibility**: v = 1 and v = 2 are both labelled. Coordinates of v = 0 are dropped (set to 0), as pycocotools ignores them.
    - **keypoints missing**: a person of whom only the box is known; ignored like one without labelled joints.
    - **iscrowd missing** is 0. `area`, `bbox` and `id` have no such default: without them a line says which is missing
      (pycocotools: KeyError).
    - **id 0** is an id like any other. In pycocotools its matches read as "unmatched", and AP is 0.
    - **NaN, area <= 0** of a labelled person: an error that names the place.

    Args:
        annotations: the `annotations` of a COCO document.
        skeleton: its joints, in order.
        category_id: keep this category alone; by default all.
        image_ids: the ids of `images`; an annotation of another image is an error (pycocotools drops it).

    Raises:
        AuditError: a field is missing or no usable number; an id stands twice.
    """
    what = "annotations"
    rows = _of_category(annotations, category_id)
    k = len(skeleton)
    ids = _integers(rows, "id", what)
    _expect_unique(ids, rows, what)
    images = _images(rows, what, image_ids)
    empty = [0] * (3 * k)
    keypoints = _table([_or(r.get("keypoints"), empty) for _, r in rows], 3 * k, rows, "keypoints", what).reshape(
        -1, k, 3
    )
    v = keypoints[:, :, 2]
    _expect(np.asarray(np.isfinite(v) & (v == np.floor(v))), rows, "v", what, "an integer")
    labelled = v > 0
    xy = np.where(labelled[:, :, None], keypoints[:, :, :2], 0)
    _expect_joints(xy, labelled, rows, skeleton, what)
    area = _column(rows, "area", what)
    boxes = _table([r.get("bbox") for _, r in rows], 4, rows, "bbox", what)
    _expect(_all_finite(boxes), rows, "bbox", what, "finite numbers")
    crowd = np.array([bool(r.get("iscrowd", 0)) for _, r in rows], dtype=np.bool_)
    smallest = np.where(labelled.any(axis=1) & ~crowd, np.nextafter(0, 1), 0)
    _expect(np.isfinite(area) & (area >= smallest), rows, "area", what, "a positive number")
    return Labels(images, ids, xy, v.astype(np.int64), area, boxes, crowd)


def detections_from_coco(
    results: Sequence[Record],
    skeleton: Skeleton,
    *,
    model_skeleton: Skeleton | None = None,
    category_id: int | None = None,
    image_ids: Collection[int] | None = None,
) -> Detections:
    """The detections of COCO keypoint results, in file order.

    - **Area** as pycocotools' `loadRes` has it: w x h of `bbox` when the first result has one, the pixels of `segmentation`
      when it has that instead, else the extent of all joints, those with v = 0 and at (0, 0) included.
    - **Joints**: pycocotools never reads the third number of a joint in results, and neither does any metric here; it is
      kept as the joint's confidence.
    - **NaN or infinite** coordinates, scores and boxes: an error that names the place. In pycocotools one NaN coordinate
      makes the OKS NaN, no comparison turns it away, and a detection 300 px off is a true positive.
    - **No results** are no error: every person is missed. (pycocotools: IndexError.)

    Args:
        results: the list of a COCO results file.
        skeleton: the joints of the labels.
        model_skeleton: the joints of the results when they are others; taken over by name, joints without a counterpart
            are not predicted.
        category_id: keep this category alone; by default all.
        image_ids: the ids of the labels' `images`; a result for another image is an error (pycocotools: AssertionError).

    Raises:
        AuditError: a field is missing or no finite number.
    """
    what = "results"
    rows = _of_category(results, category_id)
    own = skeleton if model_skeleton is None else model_skeleton
    k = len(own)
    images = _images(rows, what, image_ids)
    keypoints = _table([r.get("keypoints") for _, r in rows], 3 * k, rows, "keypoints", what).reshape(-1, k, 3)
    _expect_joints(keypoints, np.ones(keypoints.shape[:2], dtype=np.bool_), rows, own, what)
    score = _column(rows, "score", what)
    _expect(np.isfinite(score), rows, "score", what, "a finite number")
    boxes = _result_boxes(rows, keypoints)
    _expect(_all_finite(boxes), rows, "bbox", what, "finite numbers")
    predicted: BoolArray = np.ones((len(rows), len(skeleton)), dtype=np.bool_)
    if own is not skeleton:
        conversion = convert(own, skeleton)
        keypoints = conversion.apply(keypoints)
        predicted = np.broadcast_to(conversion.indices() >= 0, predicted.shape).copy()
    detections = Detections.of(
        images, keypoints[:, :, :2], score, predicted=predicted, box=boxes, confidence=keypoints[:, :, 2]
    )
    if rows and not _has_box(rows[0]) and "segmentation" in rows[0][1]:
        return replace(detections, area=_mask_areas(rows))
    return detections


def _has_box(row: _Row) -> bool:
    return "bbox" in row[1] and row[1]["bbox"] != []


def _result_boxes(rows: _Rows, keypoints: FloatArray) -> FloatArray:
    if rows and _has_box(rows[0]):
        return _table([r.get("bbox") for _, r in rows], 4, rows, "bbox", "results")
    low = keypoints[:, :, :2].min(axis=1)
    high = keypoints[:, :, :2].max(axis=1)
    return np.concatenate([low, high - low], axis=1)


def _mask_areas(rows: _Rows) -> FloatArray:
    from pycocotools import mask  # only results with masks and no boxes need it

    areas = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            areas[i] = mask.area(row[1]["segmentation"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise AuditError(f"{_place(row, 'results')}: segmentation is no compressed RLE, expected one") from None
    return areas


def _of_category(records: Sequence[Record], category_id: int | None) -> _Rows:
    return [(i, r) for i, r in enumerate(records) if category_id is None or r.get("category_id") == category_id]


def _place(row: _Row, what: str) -> str:
    index, record = row
    name = f"id {record['id']}" if "id" in record else f"image {record.get('image_id')}"
    return f"{what}[{index}] ({name})"


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _integers(rows: _Rows, field: str, what: str) -> IntArray:
    for row in rows:
        value = row[1].get(field)
        if type(value) is not int:
            raise AuditError(f"{_place(row, what)}: {field} is {_shown(row[1], field)}, expected an integer")
    try:
        return np.array([r[field] for _, r in rows], dtype=np.int64)
    except OverflowError:
        raise AuditError(f"{what}: an {field} is beyond 64 bits, expected smaller integers") from None


def _images(rows: _Rows, what: str, image_ids: Collection[int] | None) -> IntArray:
    images = _integers(rows, "image_id", what)
    if image_ids is not None:
        strange = ~np.isin(images, np.fromiter(image_ids, dtype=np.int64, count=len(image_ids)))
        if strange.any():
            row = rows[int(np.argmax(strange))]
            raise AuditError(
                f"{_place(row, what)}: image_id {row[1]['image_id']} is not among the images, expected one of them"
            )
    return images


def _column(rows: _Rows, field: str, what: str) -> FloatArray:
    for row in rows:
        # numpy reads True among numbers as 1.
        if type(row[1].get(field)) is bool:
            raise AuditError(f"{_place(row, what)}: {field} is {row[1][field]}, expected a number")
    return _table([[r.get(field)] for _, r in rows], 1, rows, field, what)[:, 0]


def _table(values: list[Any], width: int, rows: _Rows, field: str, what: str) -> FloatArray:
    """The numbers of one field of every row, (N, width); the slow way only when something is wrong with one of them."""
    if not values:
        return np.zeros((0, width))
    try:
        # No dtype: numpy would read the text "3" as a number.
        table = np.array(values)
    except ValueError:
        table = np.array(None)
    if table.shape == (len(values), width) and table.dtype.kind in "iuf":
        return table.astype(np.float64)
    for row, value in zip(rows, values, strict=True):
        kind = "a number" if width == 1 else f"{width} numbers"
        if row[1].get(field) is None and field in ("area", "score", "bbox", "keypoints"):
            raise AuditError(f"{_place(row, what)}: {field} is {_shown(row[1], field)}, expected {kind}")
        if not isinstance(value, list | tuple) or not all(type(x) in (int, float) for x in value):
            raise AuditError(f"{_place(row, what)}: {field} is {_shown(row[1], field)}, expected {kind}")
        if len(value) != width:
            raise AuditError(f"{_place(row, what)}: {field} has {len(value)} numbers, expected {width}")
    return np.array(values, dtype=np.float64)


def _shown(record: Record, field: str) -> str:
    if field not in record:
        return "missing"
    text = repr(record[field])
    return text if len(text) <= 60 else f"{text[:57]}..."


def _all_finite(table: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(table).all(axis=1), dtype=np.bool_)


def _expect(good: BoolArray, rows: _Rows, field: str, what: str, expected: str) -> None:
    if good.all():
        return
    position = np.argwhere(~good)[0]
    row = rows[int(position[0])]
    if field == "v":
        value = row[1]["keypoints"][3 * int(position[1]) + 2]
        raise AuditError(f"{_place(row, what)}: v of joint {position[1]} is {value}, expected {expected}")
    raise AuditError(f"{_place(row, what)}: {field} is {_shown(row[1], field)}, expected {expected}")


def _expect_joints(values: FloatArray, needed: BoolArray, rows: _Rows, skeleton: Skeleton, what: str) -> None:
    bad = needed & ~np.isfinite(values).all(axis=2)
    if bad.any():
        person, joint = np.argwhere(bad)[0]
        numbers = ", ".join(f"{value:g}" for value in values[person, joint])
        raise AuditError(
            f"{_place(rows[int(person)], what)}: {skeleton.joints[int(joint)]} is ({numbers}), expected finite numbers"
        )


def _expect_unique(ids: IntArray, rows: _Rows, what: str) -> None:
    values, first, counts = np.unique(ids, return_index=True, return_counts=True)
    if (counts > 1).any():
        twice = int(np.argmax(counts > 1))
        row = rows[int(first[twice])]
        raise AuditError(f"{_place(row, what)}: id {values[twice]} stands {counts[twice]} times, expected once")
