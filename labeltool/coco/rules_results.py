"""Rules R601 and R602: files of results, which are one list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labeltool.coco.findings import Hits, rule
from labeltool.coco.results import result_problems
from labeltool.coco.view import View

#: pycocotools looks at this many results of an image and category, the best ones (`Params.maxDets` for keypoints).
MOST_RESULTS = 20


@rule(
    "R601",
    "error",
    "write the list as the evaluator reads it: known ids, 3K finite numbers and a score for each person",
)
def results_usable(view: View) -> Iterator[Hits]:
    """A file of results is a list, not empty, of objects with known ids, 3K finite numbers in `keypoints` and a finite `score`.

    The ids are held against the truth where it is given (`--truth FILE`). pycocotools stops at an empty list with an
    IndexError, and takes a NaN coordinate for a perfect one.

    Bad: `[{"image_id": 7, "category_id": 1, "keypoints": [10, 20]}]`
    Good: `[{"image_id": 7, "category_id": 1, "keypoints": [10, 20, 1], "score": 0.9}]`
    """
    if view.results is None:
        return
    if not view.results:
        yield Hits([0], lambda _: "file", lambda _: "the list is empty, expected at least one result")
        return
    wrong = dict(result_problems(view.results, view.truth))
    yield Hits(list(wrong), _place, lambda i: wrong[i])


@rule("R602", "warning", "keep the 20 best of each image and category; what is beyond is never looked at")
def results_counted(view: View) -> Iterator[Hits]:
    """No image has more than 20 results of a category, and either all results have a `bbox` or none.

    The evaluator takes the 20 best. It asks the first result whether there are boxes: where only some have one, it stops, or
    takes areas from boxes for one part and from joints for the other.

    Bad: 25 results with `"image_id": 7, "category_id": 1`
    Good: the 20 of them with the highest `score`
    """
    if view.results is None:
        return
    keys = [_key(result) for result in view.results]
    many = {key: count for key, count in Counter(keys).items() if key is not None and count > MOST_RESULTS}
    first = {key: i for i, key in reversed(list(enumerate(keys))) if key in many}
    rows = sorted(first.values())
    yield Hits(rows, _place, lambda i: _many_text(keys[i], many))
    boxed = [isinstance(result, dict) and "bbox" in result for result in view.results]
    if any(boxed) and not all(boxed):
        odd = [i for i, box in enumerate(boxed) if box != boxed[0]]
        text = "no bbox, though the first result has one" if boxed[0] else "a bbox, though the first result has none"
        yield Hits(odd, _place, lambda _: text, hint="give every result a bbox, or none")


def _place(row: int) -> str:
    return f"results[{row}]"


def _key(result: Any) -> tuple[int, int] | None:
    if not isinstance(result, dict):
        return None
    image, category = result.get("image_id"), result.get("category_id")
    return (image, category) if type(image) is int and type(category) is int else None


def _many_text(key: tuple[int, int] | None, many: dict[tuple[int, int], int]) -> str:
    if key is None:
        return ""
    return f"one of {many[key]} results of image {key[0]} and category {key[1]}, expected at most {MOST_RESULTS}"
