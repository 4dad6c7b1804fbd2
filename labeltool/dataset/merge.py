"""Merging documents into one: ids that clash are renumbered, and whatever the documents disagree on is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labeltool.coco.document import CocoDocument, type_name
from labeltool.dataset.arrays import check_structure
from labeltool.errors import CocoError


@dataclass
class _Ids:
    """Ids that are taken; one that is free is kept, one that is not gets the next free number."""

    taken: set[int] = field(default_factory=set)
    renumbered: int = 0
    _last: int = 0

    def give(self, wanted: int) -> int:
        if wanted not in self.taken:
            self.taken.add(wanted)
            return wanted
        self._last = max(self._last, max(self.taken)) + 1
        self.taken.add(self._last)
        self.renumbered += 1
        return self._last


@dataclass(frozen=True)
class Merged:
    """The union of documents.

    Attributes:
        document: the union.
        conflicts: what the documents disagree on and how it was settled, a line each.
        same_images: images that two documents share by file name.
        same_people: annotations that were there already, equal but for their ids.
        renumbered: (images, annotations, categories) that got another id.
    """

    document: CocoDocument
    conflicts: tuple[str, ...]
    same_images: int
    same_people: int
    renumbered: tuple[int, int, int]


class _Union:
    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.categories: list[dict[str, Any]] = []
        self.rest: dict[str, Any] = {}
        self.conflicts: list[str] = []
        self.same_images = self.same_people = 0
        self.ids = {name: _Ids() for name in ("images", "annotations", "categories")}
        self._by_name: dict[str, dict[str, Any]] = {}
        self._people: dict[int, list[dict[str, Any]]] = {}

    def add(self, document: CocoDocument) -> None:
        categories = {c["id"]: self._category(c, document.source) for c in document.categories}
        # an image that a document names twice stays two images
        known = dict(self._by_name)
        images = {image["id"]: self._image(image, known, document.source) for image in document.images}
        before = {image_id: list(rows) for image_id, rows in self._people.items()}
        for annotation in document.annotations:
            category, order = categories[annotation["category_id"]]
            moved = annotation | {"image_id": images[annotation["image_id"]], "category_id": category}
            if order is not None and isinstance(annotation.get("keypoints"), list):
                moved["keypoints"] = _reordered(annotation, order, document.source)
            self._annotation(moved, before.get(moved["image_id"], []))
        for key, value in document.data.items():
            if key in ("images", "annotations", "categories"):
                continue
            if key not in self.rest:
                self.rest[key] = value
            elif self.rest[key] != value:
                self.conflicts.append(f"{document.source}: {key!r} differs from that of an earlier file, which stays")

    def _category(self, category: dict[str, Any], source: str) -> tuple[int, list[int] | None]:
        """The id of a category in the union, and the order of its joints where it differs."""
        for known in self.categories:
            if known["name"] != category["name"]:
                continue
            theirs, ours = category.get("keypoints"), known.get("keypoints")
            if theirs == ours:
                if {**category, "id": 0} != {**known, "id": 0}:
                    self.conflicts.append(
                        f"{source}: category {category['name']!r} has other fields, the earlier ones stay"
                    )
                return known["id"], None
            if isinstance(theirs, list) and isinstance(ours, list) and sorted(theirs) == sorted(ours):
                self.conflicts.append(
                    f"{source}: category {category['name']!r} has its joints in another order: reordered by name"
                )
                return known["id"], [theirs.index(joint) for joint in ours]
            raise CocoError(
                f"{source}: category {category['name']!r} has other joints than in an earlier file "
                f"({type_name(theirs) if not isinstance(theirs, list) else len(theirs)} and "
                f"{type_name(ours) if not isinstance(ours, list) else len(ours)}), expected the same"
            )
        number = self.ids["categories"].give(category["id"])
        self.categories.append(category | {"id": number})
        return number, None

    def _image(self, image: dict[str, Any], known: dict[str, dict[str, Any]], source: str) -> int:
        same = known.get(image["file_name"])
        if same is not None:
            self.same_images += 1
            for side in ("width", "height"):
                if image.get(side) != same.get(side):
                    self.conflicts.append(
                        f"{source}: image {image['file_name']!r}: {side} is {image.get(side)}, {same.get(side)} in an earlier "
                        "file, which stays"
                    )
            found: int = same["id"]
            return found
        number = self.ids["images"].give(image["id"])
        new = image | {"id": number}
        self.images.append(new)
        self._by_name[image["file_name"]] = new
        return number

    def _annotation(self, annotation: dict[str, Any], earlier: list[dict[str, Any]]) -> None:
        bare = {key: value for key, value in annotation.items() if key != "id"}
        if bare in earlier:
            self.same_people += 1
            return
        for other in earlier:
            if other.get("keypoints") and other.get("keypoints") == bare.get("keypoints") and bare.get("num_keypoints"):
                self.conflicts.append(
                    f"annotation {annotation['id']}: has the joints of one in an earlier file but other fields: both stay"
                )
        self._people.setdefault(annotation["image_id"], []).append(bare)
        self.annotations.append(annotation | {"id": self.ids["annotations"].give(annotation["id"])})


def merge(documents: Sequence[CocoDocument]) -> Merged:
    """The union of documents, in their order.

    - **Images** of one file name are one photo: the earlier document's image stays. Paths are compared as they are written.
    - **People** of both documents stay; one that is equal but for its id is taken once.
    - **Categories** are the same when their names are. The same joints in another order are reordered by name; other joints
      are an error.
    - **Ids** stay where they are free; those that clash get the next free number.
    - **All else** (`info`, `licenses`, unknown keys) is the first document's that has it.

    Raises:
        CocoError: no documents, a damaged one, or categories of one name with other joints.
    """
    if not documents:
        raise CocoError("nothing to merge, expected at least one document")
    union = _Union()
    for document in documents:
        check_structure(document)
        union.add(document)
    data = union.rest | {"images": union.images, "annotations": union.annotations, "categories": union.categories}
    ordered = {key: data[key] for key in documents[0].data} | data
    counts = tuple(union.ids[name].renumbered for name in ("images", "annotations", "categories"))
    return Merged(
        CocoDocument(ordered, "the union"),
        tuple(dict.fromkeys(union.conflicts)),
        union.same_images,
        union.same_people,
        (counts[0], counts[1], counts[2]),
    )


def _reordered(annotation: dict[str, Any], order: list[int], source: str) -> list[Any]:
    values = annotation["keypoints"]
    if values and len(values) != 3 * len(order):
        raise CocoError(
            f"{source}: annotation (id {annotation['id']}): keypoints has {len(values)} numbers, expected {3 * len(order)}"
        )
    return [values[3 * k + i] for k in order for i in range(3)] if values else values
