"""Which categories of a document hold the project's people, and what becomes of `categories` when people are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError, SkeletonError
from labeltool.skeleton import Skeleton, convert, from_category


@dataclass(frozen=True)
class Categories:
    """The project's part of a document's categories.

    Attributes:
        people: ids of the categories whose annotations are the project's people.
        new_id: category id of new people.
        patch: None when `categories` stays as it came. Otherwise the category that an export with changed people writes: in
            place of the one with `new_id`, or at the end where there is none.
    """

    people: frozenset[int]
    new_id: int
    patch: dict[str, Any] | None


def find_categories(document: CocoDocument, skeleton: Skeleton) -> Categories:
    """The categories of a document's people.

    - Every category whose `keypoints` are the skeleton's joints, in order, holds people.
    - Where no category has `keypoints`, one named `person` does (a detection file); it gains the joints when people change.
    - Where there is neither, a category is added when people are.

    Raises:
        ProjectError: the joints of the document's keypoint categories are others; the message has the mapping it would take.
    """
    matching = [c for c in document.keypoint_categories() if c["keypoints"] == list(skeleton.joints)]
    for category in matching:
        if type(category.get("id")) is not int:
            raise ProjectError(f"{document.source}: category id is {category.get('id')!r}, expected an integer")
    if matching:
        return Categories(frozenset(c["id"] for c in matching), matching[0]["id"], None)
    if document.keypoint_categories():
        raise ProjectError(f"{document.source}: {_difference(document.keypoint_categories()[0], skeleton)}")
    for category in document.categories:
        if category.get("name") == "person" and type(category.get("id")) is int:
            joints = {key: skeleton.to_category()[key] for key in ("keypoints", "skeleton")}
            return Categories(frozenset({category["id"]}), category["id"], {**category, **joints})
    taken = [c["id"] for c in document.categories if type(c.get("id")) is int]
    new_id = max([0, *taken]) + 1
    return Categories(frozenset(), new_id, skeleton.to_category(new_id))


def patched(categories: Any, patch: dict[str, Any]) -> Any:
    """`categories` with the category of changed people put in its place, or at the end."""
    if not isinstance(categories, list):
        return categories
    if any(isinstance(c, dict) and c.get("id") == patch["id"] for c in categories):
        return [patch if isinstance(c, dict) and c.get("id") == patch["id"] else c for c in categories]
    return [*categories, patch]


def _difference(category: dict[str, Any], skeleton: Skeleton) -> str:
    where = f"category {category.get('name')!r}"
    try:
        theirs = from_category(category)
    except SkeletonError as error:
        return str(error)
    conversion = convert(theirs, skeleton)
    if not conversion.dropped and not conversion.missing and all(a == b for a, b in conversion.pairs):
        return f"{where}: has the joints of {skeleton.name!r} in another order: {', '.join(theirs.joints)}"
    renamed = [f"{a} -> {b}" for a, b in conversion.pairs if a != b]
    parts = [
        f"{len(conversion.pairs)} of its {len(theirs)} joints have a counterpart",
        f"renamed: {', '.join(renamed)}" if renamed else "",
        f"without counterpart: {', '.join(conversion.dropped)}" if conversion.dropped else "",
        f"missing: {', '.join(conversion.missing)}" if conversion.missing else "",
    ]
    return (
        f"{where}: its joints are not those of skeleton {skeleton.name!r} ({'; '.join(p for p in parts if p)}); "
        "choose the file's own skeleton or convert the file"
    )
