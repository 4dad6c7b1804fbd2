"""One transaction of an import: images with their annotations become rows, and people who are there take new labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from labeltool.project import fixes
from labeltool.project.bulk import plain_rows
from labeltool.project.codec import decode, decode_joints, encode_state
from labeltool.project.database import now
from labeltool.project.derived import area_of, usable_box
from labeltool.project.edits import State
from labeltool.project.matching import Pairing, There, plain_labels
from labeltool.project.measuring import by_humans, encode_places
from labeltool.project.queue_schema import counted_at_once
from labeltool.project.rows import CROWD, IMAGE_COLUMNS, IMPORTED, LABELLED, ON, PERSON_COLUMNS, image_row, insert_many
from labeltool.project.tables import events, images, originals, people, revisions

if TYPE_CHECKING:
    from labeltool.project.adding import Adding

#: Ids that one statement names.
_AT_A_TIME = 500

#: Columns of a person that an import changes, taken from its new row.
_CHANGED = (
    "box keypoints sources labelled hidden from_imported from_predicted from_accepted from_moved from_added from_removed"
).split()
_UPDATE = (
    update(people)
    .where(people.c.id == bindparam("person_id"))
    .values({name: bindparam(name) for name in (*_CHANGED, "area", "area_source", "revision", "served")})
    .values(touched=True, deleted=False, blind=False, served_by=None)
)


@dataclass
class Counted:
    """What came of a run so far."""

    known_images: int = 0
    new_images: int = 0
    people: int = 0
    others: int = 0
    same: int = 0
    updated: int = 0
    replaced: int = 0
    renumbered: int = 0
    kept_places: list[str] = field(default_factory=list)
    crowds_kept: int = 0
    fields_kept: int = 0
    done_grown: list[str] = field(default_factory=list)


@dataclass
class Batch:
    """The rows of one transaction."""

    run: Adding
    connection: Connection
    next_row: int
    there: Mapping[int, list[There]]
    images: list[tuple[int, int]] = field(default_factory=list)
    done: dict[int, bool] = field(default_factory=dict)
    originals: list[tuple[Any, ...]] = field(default_factory=list)
    people: list[tuple[Any, ...]] = field(default_factory=list)
    changes: list[tuple[There, dict[str, Any], tuple[int, int]]] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)

    def take(self, index: int) -> None:
        """Takes up an image and its annotations."""
        run = self.run
        image = run.document.images[index]
        image_id = run.matching.known.get(image["id"])
        if image_id is None:
            image_id = run.image_id(image["id"])
            self.images.append((index, image_id))
            run.counted.new_images += 1
        else:
            run.counted.known_images += 1
        size = (image["width"], image["height"])
        annotations = run.document.annotations
        ours = [
            (place, *run.joined.translated(annotations[place], image_id))
            for place in run.grouped.by_image.get(image["id"], ())
        ]
        there = self.there.get(image_id)
        known = self._recognise(ours, there, size) if there else ()
        for n, (place, annotation, person) in enumerate(ours):
            if not person:
                self._other(annotation, place)
            elif n not in known:
                self._insert(annotation, place, size)

    def _recognise(
        self, ours: Sequence[tuple[int, dict[str, Any], bool]], there: Sequence[There], size: tuple[int, int]
    ) -> set[int]:
        """Which annotations of an image, each with its place and whether it is a person, are people that the project has."""
        people = [n for n, (_, _, person) in enumerate(ours) if person]
        pairing = Pairing(len(self.run.make.skeleton))
        pairing.pair([ours[n][1] for n in people], there)
        for place, person in (*pairing.same, *pairing.changed):
            self._meet(person, ours[people[place]][1], size)
        return set(people) - {people[place] for place in pairing.rest}

    def _insert(self, annotation: dict[str, Any], index: int, size: tuple[int, int]) -> None:
        run = self.run
        annotation = self._with_free_id(annotation)
        self.originals.append((self.next_row, annotation["image_id"], run.make.encode(annotation, None, index)))
        row = run.make.person(self.next_row, annotation, size)
        self.people.append(row)
        if not row[CROWD]:
            image_id = annotation["image_id"]
            self.done[image_id] = self.done.get(image_id, True) and row[LABELLED] > 0
        self.next_row += 1
        run.counted.people += 1

    def _other(self, annotation: dict[str, Any], index: int) -> None:
        run = self.run
        if run.others.take(annotation):
            run.counted.same += 1
            return
        annotation = self._with_free_id(annotation)
        self.originals.append((self.next_row, annotation["image_id"], run.make.encode(annotation, None, index)))
        self.next_row += 1
        run.counted.others += 1

    def _with_free_id(self, annotation: dict[str, Any]) -> dict[str, Any]:
        number = self.run.annotation_id(annotation["id"])
        return annotation if number == annotation["id"] else {**annotation, "id": number}

    def _meet(self, person: There, annotation: dict[str, Any], size: tuple[int, int]) -> None:
        """Somebody the project has: nothing to do, unless the document has labels that are not the project's."""
        run = self.run
        came = person.came_as(annotation)
        if (came and person.revision == 0) or _says_nothing_new(person, annotation, len(run.make.skeleton)):
            run.counted.same += 1
        elif person.crowd or annotation.get("iscrowd") in (1, True):
            run.counted.crowds_kept += 1
        else:
            self.changes.append((person, annotation, size))

    def write(self) -> None:
        """Hands the rows over."""
        self._write_images()
        insert_many(self.connection, "originals", "id image_id raw", self.originals)
        grown = {row[ON] for row in self.people}
        with counted_at_once(self.connection, grown) if grown else nullcontext():
            insert_many(self.connection, "people", PERSON_COLUMNS, self.people)
        new = {image_id for _, image_id in self.images}
        self.grown = [image_id for image_id in self.done if image_id not in new]
        humans = by_humans(self.connection, [person.id for person, *_ in self.changes if person.touched])
        for person, annotation, size in self.changes:
            if person.id not in humans:
                self.run.counted.updated += 1
            elif person.came_as(annotation):  # what a labeller made of the very same annotation
                self.run.counted.same += 1
                continue
            elif self.run.replace_edited:
                self.run.counted.replaced += 1
            else:
                self._keep(person, annotation)
                continue
            self._change(person, annotation, size)
            self.grown.append(annotation["image_id"])
        if self.changes:
            changed = {annotation["image_id"] for _, annotation, *_ in self.changes}
            fixes.recheck(self.connection, self.run.make.skeleton, sorted(changed))

    def _write_images(self) -> None:
        run = self.run
        highest = self.connection.execute(select(func.coalesce(func.max(images.c.position), -1))).scalar_one()
        rows = []
        for position, (index, image_id) in enumerate(self.images, start=highest + 1):
            image = run.document.images[index]
            where = run.make.where("images", index, image)
            problem = run.problems.get(image["id"])
            own = image if image_id == image["id"] else {**image, "id": image_id}
            rows.append(image_row(run.make, own, position, self.done.get(image_id, False), problem, where))
        insert_many(self.connection, "images", IMAGE_COLUMNS, rows)

    def _keep(self, person: There, annotation: Mapping[str, Any]) -> None:
        query = select(images.c.file_name).where(images.c.id == annotation["image_id"])
        name = self.connection.execute(query).scalar_one()
        self.run.counted.kept_places.append(f"{name}: person {person.annotation_id}")

    def _change(self, person: There, annotation: Mapping[str, Any], size: tuple[int, int]) -> None:
        """Makes the document's labels the person's next revision."""
        make = self.run.make
        names = make.skeleton.joints
        row = dict(zip(PERSON_COLUMNS.split(), make.person(person.id, annotation, size), strict=True))
        if row["box"] is None:
            row["box"] = person.box
        if not row["labelled"]:
            row["keypoints"] = person.keypoints
        came = {} if person.raw is None else decode(person.raw)
        box = None if row["box"] is None else tuple(decode(row["box"]))
        area, source = area_of(came, box, *size)
        joints = decode_joints(names, row["keypoints"], row["sources"])
        values = {name: row[name] for name in _CHANGED}
        values |= {"area": area, "area_source": source, "revision": person.revision + 1}
        served = {name: (joint.x, joint.y) for name, joint in joints.items() if joint.v > 0}
        values |= {"person_id": person.id, "served": encode_places(served, names)}
        self.connection.execute(_UPDATE, values)
        before = State(person.place(), decode_joints(names, person.keypoints, person.sources), person.deleted)
        entry = {
            "person_id": person.id,
            "number": person.revision + 1,
            "base": person.revision,
            "author": self.run.author,
            "at": now(),
            "action": "import",
            "before": encode_state(before),
            "after": encode_state(State(box, joints, False)),
            "active_seconds": 0.0,
            "joints_moved": 0,
            "help": "none",
        }
        self.connection.execute(insert(revisions), entry)
        self.run.counted.fields_kept += _rest(came) != _rest(annotation)


def _says_nothing_new(person: There, annotation: Mapping[str, Any], joints: int) -> bool:
    """Whether a person is as an annotation says, which says nothing about joints when none of them is labelled."""
    if person.deleted:
        return False
    box = usable_box(annotation)
    labels = plain_labels(annotation.get("keypoints") or [])
    return (box is None or box == person.place()) and (labels is None or labels == person.labels(joints))


def _rest(annotation: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("id", "keypoints", "num_keypoints", "bbox", "area", "area_source")
    return {key: value for key, value in annotation.items() if key not in left_out}


def people_on(connection: Connection, image_ids: Sequence[int]) -> dict[int, list[There]]:
    """The people of some images, deleted ones included, by image."""
    found: dict[int, list[There]] = {}
    for start in range(0, len(image_ids), _AT_A_TIME):
        query = (
            select(
                people.c.image_id,
                people.c.id,
                people.c.annotation_id,
                people.c.crowd,
                people.c.deleted,
                people.c.touched,
                people.c.revision,
                people.c.box,
                people.c.keypoints,
                people.c.sources,
                originals.c.raw,
            )
            .outerjoin(originals, originals.c.id == people.c.id)
            .where(people.c.image_id.in_(image_ids[start : start + _AT_A_TIME]))
            .order_by(people.c.id)
        )
        for image_id, *columns in connection.execute(query):
            found.setdefault(image_id, []).append(There(*columns))
    return found


def next_row(connection: Connection) -> int:
    """The first number above those of all annotations and people."""
    highest = [connection.execute(select(func.max(table.c.id))).scalar_one() for table in (originals, people)]
    return max(value or 0 for value in highest) + 1


def settle_statuses(run: Adding, connection: Connection, part: Batch) -> None:
    """Gives images that gained people or labels the status that `init` would; what labellers decided stays."""
    ids = sorted(set(part.grown))
    # Of an image where nobody was, the batch knows.
    whole = {image_id: part.done[image_id] for image_id in ids if image_id in part.done and image_id not in part.there}
    whole |= _whole(connection, [image_id for image_id in ids if image_id not in whole])
    for start in range(0, len(ids), _AT_A_TIME):
        some = [image_id for image_id in ids[start : start + _AT_A_TIME] if image_id in whole]
        query = select(images.c.id, images.c.file_name, images.c.status, images.c.reason).where(images.c.id.in_(some))
        settled: list[tuple[int, str, str, str | None]] = []
        for image_id, name, status, reason in plain_rows(connection, query):
            if status in ("unlabelled", "prefilled") and whole[image_id]:
                settled.append((image_id, status, "done", IMPORTED))
            elif status == "done" and not whole[image_id] and reason == IMPORTED:
                settled.append((image_id, status, "unlabelled", None))
            elif status == "done" and not whole[image_id]:
                run.counted.done_grown.append(name)
        if settled:
            _log_statuses(connection, run.author, settled)


def _whole(connection: Connection, image_ids: Sequence[int]) -> dict[int, bool]:
    """For images with people on them whether all of these have labels."""
    whole: dict[int, bool] = {}
    columns = (people.c.image_id, people.c.crowd, people.c.deleted, people.c.labelled)
    for start in range(0, len(image_ids), _AT_A_TIME):
        # The conditions on people are asked here: with them SQLite would go through the counters of all people for each block.
        query = select(*columns).where(people.c.image_id.in_(image_ids[start : start + _AT_A_TIME]))
        for image_id, crowd, deleted, labelled in plain_rows(connection, query):
            if not crowd and not deleted:
                whole[image_id] = whole.get(image_id, True) and labelled > 0
    return whole


def _log_statuses(connection: Connection, author: str, settled: Sequence[tuple[int, str, str, str | None]]) -> None:
    """Gives images a status: (image id, before, after, reason)."""
    at = now()
    change = (
        update(images)
        .where(images.c.id == bindparam("image"))
        .values(status=bindparam("after"), reason=bindparam("why"))
    )
    rows = [{"image": number, "after": after, "why": reason} for number, _, after, reason in settled]
    connection.execute(change, rows)
    entries = [
        {"image_id": number, "at": at, "author": author, "before": before, "after": after, "reason": reason}
        for number, before, after, reason in settled
    ]
    connection.execute(insert(events), entries)
