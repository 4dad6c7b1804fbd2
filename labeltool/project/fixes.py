"""Images that need fixing: what a reviewer flags, and the errors that the rules find in the labels of an image."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select, update

from labeltool.coco.check import rules
from labeltool.coco.view import View
from labeltool.errors import ProjectError
from labeltool.project.database import now
from labeltool.project.edits import check_author, check_text
from labeltool.project.exporting import annotations_of
from labeltool.project.queue import get_image
from labeltool.project.tables import flags, images
from labeltool.project.values import Flag, ImageRecord, Person
from labeltool.skeleton import Skeleton

#: The rules whose errors a labeller can mend: a joint outside the image; a box that is missing, empty or outside; an area that
#: comes from such a box. What else `labeltool validate` finds is the file's, and mended there.
CODES = frozenset({"A311", "B401", "B402", "B403", "B405"})

#: Images whose labels are checked in one go.
AT_A_TIME = 1000


def set_flag(connection: Connection, image_id: int, note: str | None, author: str) -> ImageRecord:
    """The image with a reviewer's note, or without one; see `Project.flag`. The caller holds the write lock."""
    where = f"image {image_id}"
    image = get_image(connection, image_id)
    check_author(author, where)
    if note is not None:
        check_text(note, f"{where}: note", "what is to be fixed")
    if note == image.flag:
        return image
    values = {"fix_note": note, "fix_author": None if note is None else author}
    connection.execute(update(images).where(images.c.id == image_id).values(**values))
    connection.execute(insert(flags).values(image_id=image_id, at=now(), author=author, note=note))
    return get_image(connection, image_id)


def flag_log(connection: Connection, image_id: int) -> list[Flag]:
    """The flags set and taken away, oldest first."""
    query = select(flags).where(flags.c.image_id == image_id).order_by(flags.c.id)
    return [Flag(row.image_id, row.at, row.author, row.note) for row in connection.execute(query)]


def recheck(connection: Connection, skeleton: Skeleton, image_ids: Collection[int] | None) -> int:
    """Looks for errors in the labels of images again; see `Project.recheck`. The caller holds the write lock.

    Args:
        connection: holds the write lock.
        skeleton: the project's joints.
        image_ids: which images; None for all.

    Returns:
        how many of them have one.
    """
    found = 0
    for block in _blocks(connection, image_ids):
        findings = errors_of(connection, skeleton, block)
        query = select(images.c.id, images.c.finding).where(images.c.id.in_(block))
        for image_id, before in connection.execute(query).all():
            if findings.get(image_id) != before:
                row = update(images).where(images.c.id == image_id)
                connection.execute(row.values(finding=findings.get(image_id)))
        found += len(findings)
    return found


def recheck_saved(connection: Connection, skeleton: Skeleton, person: Person) -> None:
    """Looks for errors again after a person was saved. The caller holds the write lock.

    Where nothing was known to be wrong with the image, that person alone is looked at: a save must not cost more the more people
    the image has. And the rules are asked only where they could find something.
    """
    image = get_image(connection, person.image_id)
    if image.finding is not None:
        recheck(connection, skeleton, [image.id])
        return
    if plainly_right(person, image.width, image.height):
        return
    found = errors_of(connection, skeleton, [image.id], person.id).get(image.id)
    if found is not None:
        connection.execute(update(images).where(images.c.id == image.id).values(finding=found))


def plainly_right(person: Person, width: int, height: int) -> bool:
    """Whether no rule of `CODES` can have an error for a person in an image of that size; False where it takes the rules to tell.

    Wherever this is True, `errors_of` finds nothing (a test holds them together), an `area` apart that came wrong with the file
    and leaves as it came since nothing about the person has changed: `recheck` finds that one.
    """
    if person.deleted:
        return True
    if person.box is None or person.area is None or not 1 < person.area < np.inf:
        return False
    x, y, w, h = person.box
    inside = x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= width and y + h <= height
    return inside and all(
        0 <= joint.x <= width and 0 <= joint.y <= height for joint in person.joints.values() if joint.v > 0
    )


def errors_of(
    connection: Connection, skeleton: Skeleton, image_ids: Sequence[int], person_id: int | None = None
) -> dict[int, str]:
    """The first error in the labels of each image that has one, or of one person: `A311 person 17: 'nose' at (700, 20) ...`.

    What is checked is what an export would hold of the labelled people: joints that are mere predictions are no labels, and of
    somebody whom nobody has labelled nothing can be wrong yet.
    """
    annotations, category = annotations_of(connection, skeleton, image_ids, person_id)
    if not annotations:
        return {}
    query = select(images.c.id, images.c.width, images.c.height).where(images.c.id.in_(image_ids))
    sizes = [{"id": row.id, "width": row.width, "height": row.height} for row in connection.execute(query)]
    view = View({"images": sizes, "annotations": annotations, "categories": [category]})
    found: dict[int, str] = {}
    with np.errstate(all="ignore"):
        for rule in rules(CODES):
            for hits in rule.check(view):
                if (hits.severity or rule.severity) != "error":
                    continue
                for row in hits.rows:
                    annotation = annotations[int(row)]
                    text = f"{rule.code} annotation {annotation.get('id')}: {hits.detail(int(row))}"
                    found.setdefault(annotation["image_id"], text)
    return found


def _blocks(connection: Connection, image_ids: Collection[int] | None) -> Iterator[list[int]]:
    ids: list[Any] = (
        list(connection.execute(select(images.c.id).order_by(images.c.position)).scalars())
        if image_ids is None
        else list(dict.fromkeys(image_ids))
    )
    if image_ids is not None and len(ids) <= AT_A_TIME:
        known = set(connection.execute(select(images.c.id).where(images.c.id.in_(ids))).scalars())
        for image_id in ids:
            if image_id not in known:
                raise ProjectError(f"image {image_id}: no such image in the project")
    for start in range(0, len(ids), AT_A_TIME):
        yield ids[start : start + AT_A_TIME]
