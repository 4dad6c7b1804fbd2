"""What of a document a project has already: its photos by file name, its people by what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, select

from labeltool.coco.document import CocoDocument
from labeltool.geometry import box_iou
from labeltool.project.bulk import plain_rows
from labeltool.project.codec import decode, decode_keypoints, encode, spread_sources
from labeltool.project.derived import usable_box
from labeltool.project.tables import images
from labeltool.project.values import Box

#: How many examples a note names.
EXAMPLES = 3

#: An annotation with the id of a person of the project is that person, changed, from this overlap of their boxes on.
SAME_BOX = 0.5


@dataclass(frozen=True)
class Matching:
    """Which images of a document a project has.

    Attributes:
        known: the project's image id by the document's.
        new: indices of the document's images that the project has not.
        by_last_part: images known by the last part of their name alone, an example each.
        unlike: for images that the project has in another size, what is wrong, by the document's id.
    """

    known: Mapping[int, int]
    new: Sequence[int]
    by_last_part: Sequence[str]
    unlike: Mapping[int, str]

    def notes(self) -> tuple[str, ...]:
        """What a user should know of it."""
        if not self.by_last_part:
            return ()
        number = len(self.by_last_part)
        return (
            f"{number:,} photo{'' if number == 1 else 's'} known by the last part of the name: {listed(self.by_last_part)}",
        )


def match_images(connection: Connection, document: CocoDocument, exists: Callable[[str], bool]) -> Matching:
    """The images of a document that a project has; see `Project.match_images`.

    Args:
        connection: the store.
        document: images with ids and names.
        exists: whether there is a photo of a name in the project's photo folder.
    """
    rows = plain_rows(
        connection,
        select(images.c.id, images.c.file_name, images.c.width, images.c.height).order_by(images.c.position),
    )
    by_name: dict[str, list[tuple[int, tuple[int, int]]]] = {}
    for number, name, *size in reversed(rows):
        by_name.setdefault(_plain(name), []).append((number, tuple(size)))
    names = [_plain(image["file_name"]) for image in document.images]
    ours: dict[str, str] | None = None
    theirs: dict[str, str] = {}
    known: dict[int, int] = {}
    new: list[int] = []
    ends: list[str] = []
    unlike: dict[int, str] = {}
    for index, (image, name) in enumerate(zip(document.images, names, strict=True)):
        size = (image["width"], image["height"])
        if by_name.get(name):
            # a name that stands twice in both is taken in turn
            number, own = by_name[name].pop()
            known[image["id"]] = number
            if size != own:
                unlike[image["id"]] = (
                    f"{name}: the project has it with {own[0]} x {own[1]} pixels, the import with {size[0]} x {size[1]}"
                )
            continue
        if ours is None:
            ours, theirs = _unique_ends(by_name), _unique_ends(dict.fromkeys(names))
        end = PurePosixPath(name).name
        twin = ours.get(end)
        if twin is not None and theirs.get(end) == name and by_name[twin] and not exists(name):
            number, own = by_name[twin][-1]
            if size == own:
                by_name[twin].pop()
                known[image["id"]] = number
                ends.append(f"{name} is {twin}")
                continue
        new.append(index)
    return Matching(known, new, ends, unlike)


@dataclass(slots=True)
class There:
    """A person that the project has on an image.

    Attributes:
        id: the store's number.
        annotation_id: the COCO annotation id.
        crowd: whether it is a crowd region.
        deleted: whether a labeller deleted it.
        touched: whether it differs from how it came.
        revision: its revision.
        box: the box as JSON.
        keypoints: the joints as JSON.
        sources: their sources, as letters.
        raw: the annotation as it came, as JSON; None for a person made in the project.
        taken: whether an annotation of the document was known as this person.
    """

    id: int
    annotation_id: int
    crowd: bool
    deleted: bool
    touched: bool
    revision: int
    box: str | None
    keypoints: str | None
    sources: str
    raw: str | None
    taken: bool = False
    _came: dict[str, Any] | None = None

    def came_as(self, annotation: Mapping[str, Any]) -> bool:
        """Whether it came as this annotation, whatever its id."""
        if self.raw is None:
            return False
        if self._came is None:
            self._came = decode(self.raw)
        return {**annotation, "id": self._came.get("id")} == self._came

    def place(self) -> Box | None:
        """The box now."""
        return None if self.box is None else tuple(decode(self.box))

    def labels(self, joints: int) -> list[float] | None:
        """The 3K numbers of the labels now, or None where no joint is labelled."""
        if self.keypoints is None:
            return None
        letters = spread_sources(self.sources, joints)
        return plain_labels(decode_keypoints(self.keypoints, joints), letters)


def plain_labels(flat: Sequence[float], letters: str | None = None) -> list[float] | None:
    """Labels with 0, 0, 0 for joints that are not labelled (v = 0) or mere predictions; None where none is left."""
    found = list(flat)
    for k in range(0, len(found), 3):
        if not found[k + 2] or (letters is not None and letters[k // 3] == "p"):
            found[k : k + 3] = (0, 0, 0)
    return found if any(found[2::3]) else None


@dataclass
class Pairing:
    """The annotations of an image that are people the project has, in the order in which they are recognised.

    - An annotation that is equal to how a person came, but for its id, is that person; the one of its id first.
    - One with a person's id is that person, changed, when their boxes overlap (IoU >= 0.5) or one of them has no box.
    - One with a person's very box and joints is that person.

    A person is recognised once.

    Attributes:
        joints: K.
        same: (annotation's place in the list given, the person) where it is how the person came.
        changed: the same where it is not.
        rest: places of annotations that the project has not.
    """

    joints: int
    same: list[tuple[int, There]] = field(default_factory=list)
    changed: list[tuple[int, There]] = field(default_factory=list)
    rest: list[int] = field(default_factory=list)

    def pair(self, annotations: Sequence[Mapping[str, Any]], there: Sequence[There]) -> None:
        """Fills in the three lists."""
        by_id = {person.annotation_id: person for person in there}
        left = self._take(range(len(annotations)), annotations, lambda a: by_id.get(a["id"]), _came, self.same)
        for found, wanted, test in (
            (self.same, self._first(there, _came), None),
            (self.changed, lambda a: by_id.get(a["id"]), _overlap),
            (self.changed, self._first(there, self._alike), None),
        ):
            if left:
                left = self._take(left, annotations, wanted, test, found)
        self.rest = left

    def _take(
        self,
        places: Iterable[int],
        annotations: Sequence[Mapping[str, Any]],
        wanted: Callable[[Mapping[str, Any]], There | None],
        test: Callable[[There, Mapping[str, Any]], bool] | None,
        found: list[tuple[int, There]],
    ) -> list[int]:
        left = []
        for place in places:
            annotation = annotations[place]
            person = wanted(annotation)
            if person is None or person.taken or (test is not None and not test(person, annotation)):
                left.append(place)
                continue
            person.taken = True
            found.append((place, person))
        return left

    @staticmethod
    def _first(
        there: Sequence[There], test: Callable[[There, Mapping[str, Any]], bool]
    ) -> Callable[[Mapping[str, Any]], There | None]:
        return lambda a: next((person for person in there if not person.taken and test(person, a)), None)

    def _alike(self, person: There, annotation: Mapping[str, Any]) -> bool:
        """Whether a person is now as an annotation says."""
        if person.place() != usable_box(annotation):
            return False
        labels = person.labels(self.joints)
        return labels == plain_labels(annotation.get("keypoints") or []) and (
            labels is not None or person.box is not None
        )


def _came(person: There, annotation: Mapping[str, Any]) -> bool:
    return person.came_as(annotation)


def _overlap(person: There, annotation: Mapping[str, Any]) -> bool:
    ours, theirs = person.place(), usable_box(annotation)
    return ours is None or theirs is None or float(box_iou([ours], [theirs])[0, 0]) >= SAME_BOX


def other_key(annotation: Mapping[str, Any]) -> str:
    """What an annotation of another category is known by: all of it but its id."""
    return encode({key: annotation[key] for key in sorted(annotation) if key != "id"})


class Others:
    """The annotations of other categories that a project has, each known by what it is."""

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()

    def add(self, annotation: Mapping[str, Any]) -> None:
        """Remembers one."""
        self._count[hash(other_key(annotation))] += 1

    def take(self, annotation: Mapping[str, Any]) -> bool:
        """Whether the project has it; once for each that was added."""
        key = hash(other_key(annotation))
        if not self._count[key]:
            return False
        self._count[key] -= 1
        return True


def listed(examples: Sequence[str]) -> str:
    """The first examples and how many more there are."""
    more = f", and {len(examples) - EXAMPLES:,} more" if len(examples) > EXAMPLES else ""
    return ", ".join(examples[:EXAMPLES]) + more


def _plain(name: str) -> str:
    """A file name as it is compared: without `./`, with `/` between its parts."""
    name = name.replace("\\", "/")
    return name if name[:1] not in "./" and "//" not in name and "/." not in name else str(PurePosixPath(name))


def _unique_ends(names: Iterable[str]) -> dict[str, str]:
    """The name by its last part, for last parts that only one name has."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name in names:
        end = PurePosixPath(name).name
        if end in found:
            twice.add(end)
        found[end] = name
    return {end: name for end, name in found.items() if end not in twice}
