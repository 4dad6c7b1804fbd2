"""COCO keypoint results: what a model says, one object a person, in one list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labeltool.coco.document import CocoDocument, type_name
from labeltool.coco.finite import all_finite_numbers, is_finite_number
from labeltool.coco.jsonfile import read_json
from labeltool.coco.show import MISSING, show
from labeltool.errors import CocoError


def read_results(path: Path, document: CocoDocument | None = None) -> list[dict[str, Any]]:
    """The results of a JSON file, checked (rule R601): every one can be evaluated.

    Args:
        path: a JSON list of `{"image_id", "category_id", "keypoints", "score"}`, optionally with `bbox`.
        document: the truth the results belong to; when given, image and category ids must be its own, and the number of joints
            must be its category's.

    Raises:
        CocoError: with the first place that is wrong: the file is missing or no JSON, holds NaN or Infinity, the top level is no
            list or an empty one, an id is no integer or unknown, `keypoints` is no list of 3K finite numbers, `score` is missing.
    """
    path = Path(path)
    file = read_json(path)
    if file.nonfinite.count:
        first = file.nonfinite.first[0]
        raise CocoError(f"{path}: {first}: {first.text} is no JSON number, expected a finite one")
    if file.duplicates.count:
        first = file.duplicates.first[0]
        raise CocoError(f"{path}: {first}: the key {show(first.text)} stands twice in one object")
    return check_results(file.data, str(path), document)


def check_results(results: Any, source: str, document: CocoDocument | None = None) -> list[dict[str, Any]]:
    """The same results, when every one can be evaluated (rule R601); see `read_results`.

    Args:
        results: parsed JSON.
        source: the file's name, for messages.
        document: the truth the results belong to.

    Raises:
        CocoError: with the first place that is wrong.
    """
    if not isinstance(results, list):
        what = type_name(results)
        if isinstance(results, dict) and "annotations" in results:
            what += " with annotations (a COCO document)"
        raise CocoError(f"{source}: the top level is {what}, expected a list of results")
    if not results:
        raise CocoError(f"{source}: the list is empty, expected at least one result")
    for i, problem in result_problems(results, document):
        raise CocoError(f"{source}: results[{i}]: {problem}")
    return results


def result_problems(results: list[Any], document: CocoDocument | None = None) -> Iterator[tuple[int, str]]:
    """The results that cannot be evaluated: (position, the first thing that is wrong with it), in order.

    Args:
        results: parsed JSON, in whatever condition.
        document: the truth the results belong to.
    """
    images, joints = (None, None) if document is None else (_image_ids(document), _joint_counts(document))
    seen: dict[int, tuple[int, int]] = {}
    for i, result in enumerate(results):
        problem = _problem(result, images, joints, seen, i)
        if problem is not None:
            yield i, problem


def _image_ids(document: CocoDocument) -> set[int]:
    return {image["id"] for image in document.images if type(image.get("id")) is int}


def _joint_counts(document: CocoDocument) -> dict[int, int]:
    return {c["id"]: len(c["keypoints"]) for c in document.keypoint_categories() if type(c.get("id")) is int}


def _problem(
    result: Any,
    images: set[Any] | None,
    joints: Mapping[Any, int] | None,
    seen: dict[Any, tuple[int, int]],
    position: int,
) -> str | None:
    """What is wrong with a result, or None; `seen` keeps the first length of keypoints of each category and where it was."""
    if not isinstance(result, dict):
        return f"is {show(result)}, expected an object"
    for field in ("image_id", "category_id"):
        if type(result.get(field)) is not int:
            return f"{field} is {show(result.get(field, MISSING))}, expected an integer"
    image, category = result["image_id"], result["category_id"]
    if images is not None and image not in images:
        return f"image_id {show(image)} is no image of the truth"
    if joints is not None and category not in joints:
        known = ", ".join(map(show, list(joints)[:10])) or "none"
        return f"category_id {show(category)} is no keypoint category of the truth (known: {known})"
    values = result.get("keypoints", MISSING)
    if not isinstance(values, list) or not values:
        return f"keypoints is {show(values)}, expected a list of 3K numbers"
    if joints is not None and len(values) != 3 * joints[category]:
        return f"keypoints has {len(values)} numbers, expected {3 * joints[category]}"
    if len(values) % 3:
        return f"keypoints has {len(values)} numbers, expected three for each joint"
    length, first = seen.setdefault(category, (len(values), position))
    if len(values) != length:
        return f"keypoints has {len(values)} numbers, expected {length} as results[{first}]"
    if not all_finite_numbers(values):
        k = next(k for k, v in enumerate(values) if not is_finite_number(v))
        return f"keypoints[{k}] is {show(values[k])}, expected a finite number"
    if not is_finite_number(result.get("score")):
        return f"score is {show(result.get('score', MISSING))}, expected a finite number"
    box = result.get("bbox", MISSING)
    if box is not MISSING and not (isinstance(box, list) and len(box) == 4 and all(map(is_finite_number, box))):
        return f"bbox is {show(box)}, expected four finite numbers"
    return None
