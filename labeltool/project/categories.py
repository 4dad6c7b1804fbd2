"""Which categories of a document hold the project's people, and what becomes of `categories` when people are added."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


@dataclass(frozen=True)
class Joined:
    """How a document's categories are a project's.

    Attributes:
        categories: the project's categories from now on.
        new_id: category id of the project's new people.
        patch: the category that an export with changed people writes (see `Categories`), or None.
        ids: the project's category id by the document's.
        people: the document's ids of the categories whose annotations are people.
        orders: where a category of people has the joints in another order, the place in it of each joint of the project.
        notes: what was settled on the way, a line each.
    """

    categories: list[Any]
    new_id: int
    patch: dict[str, Any] | None
    ids: Mapping[Any, int]
    people: frozenset[Any]
    orders: Mapping[Any, Sequence[int]]
    notes: tuple[str, ...]

    def translated(self, annotation: dict[str, Any], image_id: int) -> tuple[dict[str, Any], bool]:
        """An annotation with the project's ids and order of joints, its own id apart; whether it is a person.

        A copy, but for one that has these already.
        """
        category = annotation.get("category_id")
        ours = self.ids.get(category, category)
        if category == ours is not None and annotation["image_id"] == image_id and category not in self.orders:
            return annotation, category in self.people
        found = {**annotation, "image_id": image_id, "category_id": ours}
        order = self.orders.get(category)
        keypoints = annotation.get("keypoints")
        if order is not None and isinstance(keypoints, list) and len(keypoints) == 3 * len(order):
            found["keypoints"] = [keypoints[3 * k + i] for k in order for i in range(3)]
        return found, category in self.people


def join_categories(
    ours: CocoDocument,
    patch: Mapping[str, Any] | None,
    document: CocoDocument,
    used: Collection[Any],
    skeleton: Skeleton,
) -> Joined:
    """The categories of a project that takes a document in.

    A category is known by its name and joints. One of people may have the project's joints in another order, and becomes the
    project's own; a detection file's `person` without joints does too. Others that annotations use are added.

    Args:
        ours: the project's document; only its categories count.
        patch: the project's `Categories.patch`.
        document: what is taken in.
        used: ids of the categories that its annotations have.
        skeleton: the project's.

    Raises:
        ProjectError: the joints of the document's people are not the project's.
    """
    own = find_categories(ours, skeleton)
    categories: list[Any] = list(ours.categories)
    waiting = None if patch is None else dict(patch)
    ids: dict[Any, int] = {}
    people: set[Any] = set()
    orders: dict[Any, Sequence[int]] = {}
    added: list[str] = []
    persons = _people_of(document, skeleton)
    for category in document.categories:
        number, joints = category.get("id"), category.get("keypoints")
        if number not in used:
            continue
        if number in persons:
            twins = [c["id"] for c in categories if c.get("id") in own.people and c.get("name") == category.get("name")]
            ids[number] = twins[0] if twins else own.new_id
            people.add(number)
            if joints and joints != list(skeleton.joints):
                orders[number] = [joints.index(joint) for joint in skeleton.joints]
            continue
        twin = next((c for c in categories if _same(c, category)), None)
        if twin is None:
            taken = {c.get("id") for c in categories} | {own.new_id}
            free = number not in taken and type(number) is int
            twin = {**category, "id": number if free else max(n for n in taken if type(n) is int) + 1}
            categories.append(twin)
            added.append(str(category.get("name")))
        ids[number] = twin["id"]
    if people and waiting is not None:
        categories, waiting = patched(categories, waiting), None
    notes = [f"categories added to the project: {', '.join(added)}"] if added else []
    if orders:
        notes.append(f"joints came in another order and were put into that of {skeleton.name!r} by name")
    return Joined(categories, own.new_id, waiting, ids, frozenset(people), orders, tuple(notes))


def _people_of(document: CocoDocument, skeleton: Skeleton) -> set[Any]:
    """Ids of the categories of a document that hold people of a skeleton, in whatever order its joints are."""
    with_joints = document.keypoint_categories()
    found = [c for c in with_joints if sorted(map(str, c["keypoints"])) == sorted(skeleton.joints)]
    if not found and with_joints:
        raise ProjectError(f"{document.source}: {_difference(with_joints[0], skeleton)}")
    if not with_joints:
        found = [c for c in document.categories if c.get("name") == "person"]
    return {c["id"] for c in found if type(c.get("id")) is int}


def _same(ours: Any, theirs: Mapping[str, Any]) -> bool:
    if not isinstance(ours, dict):
        return False
    return ours.get("name") == theirs.get("name") and (ours.get("keypoints") or []) == (theirs.get("keypoints") or [])


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
