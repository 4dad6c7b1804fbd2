"""Keeping a part of a document: by category, size, labelled joints, or the value of a field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.coco.finite import all_finite_numbers, is_finite_number
from labeltool.coco.show import show
from labeltool.dataset.arrays import check_structure, is_crowd, with_rows
from labeltool.errors import CocoError


@dataclass(frozen=True)
class Choice:
    """What to keep; a condition that is None or empty keeps everything.

    Attributes:
        categories: names of the categories whose annotations stay.
        joints: (least, most) joints with v > 0.
        visible: (least, most) joints with v = 2.
        named: joints that must be labelled, by name.
        side: (least, most) length of the box's longer side, pixels.
        area: (least, most) `area`, pixels.
        fields: (name, value as text) pairs that the annotation must have; a name `image.x` asks the image for x. A list field
            (such as tags) fits when it holds the value.
        tags: tags of which the annotation, or its image, has one: in a field `tag` or `tags`, as text or in a list.
        crowds: whether crowd regions stay.
        empty: whether images stay when none of their annotations does.
    """

    categories: tuple[str, ...] = ()
    joints: tuple[float, float] | None = None
    visible: tuple[float, float] | None = None
    named: tuple[str, ...] = ()
    side: tuple[float, float] | None = None
    area: tuple[float, float] | None = None
    fields: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    crowds: bool = True
    empty: bool = False


@dataclass(frozen=True)
class Tagged:
    """What is tagged beside the document.

    Attributes:
        images: ids of images, by tag.
        annotations: ids of annotations, by tag.
    """

    images: Mapping[str, Set[int]] = field(default_factory=dict)
    annotations: Mapping[str, Set[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Selected:
    """The part that was kept.

    Attributes:
        document: its images and annotations, unchanged and in order; categories that nothing uses stay.
        dropped: how many annotations each condition dropped; one that fails several counts for the first.
        images: how many images were dropped.
    """

    document: CocoDocument
    dropped: Mapping[str, int]
    images: int


def select(document: CocoDocument, choice: Choice, tagged: Tagged | None = None) -> Selected:
    """The annotations that meet every condition, and their images.

    An image that had no annotation to begin with stays when it meets the conditions on image fields and `empty` is set, or when
    there is no condition on annotations at all.

    Args:
        document: a document whose ids and references hold.
        choice: the conditions.
        tagged: tags that the document does not hold itself.

    Raises:
        CocoError: the document is damaged, or names a category or joint that it has not.
    """
    check_structure(document)
    categories = {c["id"]: c for c in document.categories}
    _check_names(document, choice)
    images = {image["id"]: image for image in document.images}
    tests = _tests(choice, categories, images)
    if choice.tags:
        tests.append(("tag", _tag_test(choice.tags, images, Tagged() if tagged is None else tagged)))
    dropped = {name: 0 for name, _ in tests}
    kept: list[dict[str, Any]] = []
    for annotation in document.annotations:
        failed = next((name for name, test in tests if not test(annotation)), None)
        if failed is None:
            kept.append(annotation)
        else:
            dropped[failed] += 1
    used = {annotation["image_id"] for annotation in kept}
    only_images = all(name.startswith("image.") for name, _ in tests)
    had_people = {annotation["image_id"] for annotation in document.annotations}
    wanted = [(name, value) for name, value in choice.fields if name.startswith("image.")]

    def stays(image: dict[str, Any]) -> bool:
        if image["id"] in used:
            return True
        if not all(_fits(image.get(name[6:]), value) for name, value in wanted):
            return False
        return choice.empty or (only_images and image["id"] not in had_people)

    rows = [image for image in document.images if stays(image)]
    return Selected(with_rows(document, rows, kept), dropped, len(document.images) - len(rows))


def _tests(
    choice: Choice, categories: Mapping[int, Mapping[str, Any]], images: Mapping[int, Mapping[str, Any]]
) -> list[tuple[str, Callable[[Mapping[str, Any]], bool]]]:
    tests: list[tuple[str, Callable[[Mapping[str, Any]], bool]]] = []
    if choice.categories:
        tests.append(("category", lambda a: categories[a["category_id"]]["name"] in choice.categories))
    if not choice.crowds:
        tests.append(("crowd", lambda a: not is_crowd(a)))
    for name, limits, measure in (
        ("joints", choice.joints, lambda a: sum(1 for v in _flags(a) if v in (1, 2))),
        ("visible", choice.visible, lambda a: sum(1 for v in _flags(a) if v == 2)),
        ("side", choice.side, _side),
        ("area", choice.area, lambda a: a.get("area") if is_finite_number(a.get("area")) else None),
    ):
        if limits is not None:
            tests.append((name, _within(limits, measure)))
    if choice.named:
        tests.append(("named joints", lambda a: _has(a, categories[a["category_id"]], choice.named)))
    for name, value in choice.fields:
        if name.startswith("image."):
            tests.append((name, _image_field(images, name[6:], value)))
        else:
            tests.append((name, _field(name, value)))
    return tests


def _within(
    limits: tuple[float, float], measure: Callable[[Mapping[str, Any]], float | None]
) -> Callable[[Mapping[str, Any]], bool]:
    low, high = limits

    def test(annotation: Mapping[str, Any]) -> bool:
        value = measure(annotation)
        return value is not None and low <= value <= high

    return test


def _tag_test(
    tags: Sequence[str], images: Mapping[int, Mapping[str, Any]], tagged: Tagged
) -> Callable[[Mapping[str, Any]], bool]:
    def has(row: Mapping[str, Any], beside: Mapping[str, Set[int]]) -> bool:
        return any(
            _fits(row.get("tag"), tag) or _fits(row.get("tags"), tag) or row["id"] in beside.get(tag, ())
            for tag in tags
        )

    return lambda annotation: has(annotation, tagged.annotations) or has(images[annotation["image_id"]], tagged.images)


def _field(name: str, value: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda annotation: _fits(annotation.get(name), value)


def _image_field(images: Mapping[int, Mapping[str, Any]], name: str, value: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda annotation: _fits(images[annotation["image_id"]].get(name), value)


def _fits(found: Any, wanted: str) -> bool:
    """Whether a field's value, written as text or JSON, is the wanted text; a list fits when one of its values does."""
    if isinstance(found, list):
        return any(_fits(item, wanted) for item in found)
    return found == wanted if isinstance(found, str) else found is not None and json.dumps(found) == wanted


def _flags(annotation: Mapping[str, Any]) -> list[Any]:
    keypoints = annotation.get("keypoints")
    return keypoints[2::3] if isinstance(keypoints, list) else []


def _side(annotation: Mapping[str, Any]) -> float | None:
    box = annotation.get("bbox")
    return max(box[2], box[3]) if isinstance(box, list) and len(box) == 4 and all_finite_numbers(box) else None


def _has(annotation: Mapping[str, Any], category: Mapping[str, Any], joints: Sequence[str]) -> bool:
    names, flags = category.get("keypoints") or [], _flags(annotation)
    return all(j in names and names.index(j) < len(flags) and flags[names.index(j)] in (1, 2) for j in joints)


def _check_names(document: CocoDocument, choice: Choice) -> None:
    names = [c["name"] for c in document.categories]
    for name in choice.categories:
        if name not in names:
            raise CocoError(
                f"{document.source}: no category {name!r}, expected one of {', '.join(map(show, names[:10]))}"
            )
    joints = [j for c in document.keypoint_categories() for j in c["keypoints"]]
    for joint in choice.named:
        if joint not in joints:
            raise CocoError(
                f"{document.source}: no joint {joint!r}, expected one of {', '.join(map(str, joints[:40]))}"
            )
