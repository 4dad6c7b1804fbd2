"""The rows that a COCO document's images and annotations become: checked as far as the store needs, written in bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from labeltool.coco.columns import to_doubles
from labeltool.errors import ProjectError
from labeltool.project.blind import is_chosen
from labeltool.project.codec import LETTERS, encode_numbers, encode_row
from labeltool.project.derived import area_of, usable_box
from labeltool.project.edits import LIMIT
from labeltool.skeleton import Skeleton

#: Rows that are handed to SQLite at once.
BATCH = 2000

#: SQLite's integers are of 64 bits.
ID_LIMIT = 2**63

#: The reason of the status `done` that an image has because all its people came with labels.
IMPORTED = "imported"

#: The columns of `RowMaker.person`, in its order.
PERSON_COLUMNS = (
    "id image_id annotation_id origin crowd deleted touched revision box keypoints sources area area_source "
    "labelled hidden from_imported from_predicted from_accepted from_moved from_added from_removed blind"
)
#: Where some of them stand.
ON, CROWD, LABELLED = (PERSON_COLUMNS.split().index(name) for name in ("image_id", "crowd", "labelled"))

#: The columns of `image_row`, in its order.
IMAGE_COLUMNS = "id position file_name width height status reason problem raw"


@dataclass(frozen=True)
class RowMaker:
    """Turns the annotations of one document into rows.

    Attributes:
        source: the document's name, for messages.
        skeleton: the project's.
        blind_key: the key by which chance chooses who is labelled blind.
        blind_share: the share that it chooses.
    """

    source: str
    skeleton: Skeleton
    blind_key: str
    blind_share: float

    def image(self, image: Mapping[str, Any], index: int) -> tuple[int, tuple[int, int]]:
        """The id and the size of an image, once it is clear that the store can hold it.

        Raises:
            ProjectError: its id, name or size is not what it takes.
        """
        where = self.where("images", index, image)
        image_id = check_id(image, where)
        if not isinstance(image.get("file_name"), str) or not image["file_name"]:
            raise ProjectError(f"{where}: file_name is {image.get('file_name')!r}, expected the photo's path")
        for side in ("width", "height"):
            value = image.get(side)
            if type(value) is not int or not 0 < value < ID_LIMIT:
                raise ProjectError(f"{where}: {side} is {value!r}, expected a whole number of pixels above 0")
        return image_id, (image["width"], image["height"])

    def person(self, row_id: int, annotation: Mapping[str, Any], size: tuple[int, int]) -> tuple[Any, ...]:
        """The row of a person whose ids, image and keypoints (`check_keypoints`), in the skeleton's order, are known to hold.

        Args:
            row_id: the number it gets.
            annotation: the annotation.
            size: width and height of its image.
        """
        image_id, annotation_id = annotation["image_id"], annotation["id"]
        keypoints = annotation.get("keypoints")
        visible = hidden = 0
        if keypoints:
            flags = keypoints[2::3]
            visible, hidden = flags.count(2), flags.count(1)
        labelled = visible + hidden
        crowd = annotation.get("iscrowd") in (1, True)
        box = usable_box(annotation)
        area, source = area_of(annotation, box, *size)
        return (
            row_id,
            image_id,
            annotation_id,
            "imported",
            crowd,
            False,
            False,
            0,
            None if box is None else encode_numbers(box),
            encode_numbers(keypoints) if keypoints and labelled else None,
            LETTERS["imported"],
            area,
            source,
            labelled,
            hidden,
            labelled,
            0,
            0,
            0,
            0,
            0,
            not (crowd or labelled) and is_chosen(self.blind_key, self.blind_share, image_id, annotation_id),
        )

    def check_keypoints(self, annotations: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Looks at the keypoints of annotations, each with its place in the document.

        Raises:
            ProjectError: the keypoints of one are no labels of the skeleton, or the store cannot hold them.
        """
        for start in range(0, len(annotations), BATCH):
            some = annotations[start : start + BATCH]
            lists = [annotation["keypoints"] for _, annotation in some]
            if set(map(type, lists)) == {list} and set(map(len, lists)) == {3 * len(self.skeleton)}:
                table = to_doubles(lists, 3 * len(self.skeleton), plain=False)
                if table is not None and np.abs(table).max() <= LIMIT and np.isin(table[:, 2::3], (0, 1, 2)).all():
                    continue
            for index, annotation in some:
                self._check_one(annotation["keypoints"], index, annotation)

    def _check_one(self, keypoints: Any, index: int, annotation: Mapping[str, Any]) -> None:
        expected = 3 * len(self.skeleton)
        if type(keypoints) is list and len(keypoints) == expected and set(map(type, keypoints)) <= {int, float}:
            flags = keypoints[2::3]
            if set(flags) <= {0, 1, 2} and max(keypoints) <= LIMIT and min(keypoints) >= -LIMIT:
                return
        where = self.where("annotations", index, annotation)
        if type(keypoints) is not list:
            raise ProjectError(f"{where}: keypoints is {type(keypoints).__name__}, expected a list of numbers")
        if len(keypoints) != expected:
            raise ProjectError(f"{where}: keypoints has {len(keypoints)} numbers, expected {expected}")
        for place, value in enumerate(keypoints):
            joint = self.skeleton.joints[place // 3]
            if type(value) not in (int, float) or not -LIMIT <= value <= LIMIT:
                raise ProjectError(
                    f"{where}: keypoints[{place}] ({joint}) is {_short(value)}, expected a finite number"
                )
            if place % 3 == 2 and value not in (0, 1, 2):
                raise ProjectError(f"{where}: keypoints[{place}] (v of {joint}) is {value}, expected 0, 1 or 2")
        raise ProjectError(f"{where}: keypoints hold what the store cannot keep")

    def encode(self, value: Any, where: str | None, index: int | None = None) -> str:
        """A value as JSON; `where` it stands, or the index of the annotation that it is.

        Raises:
            ProjectError: JSON cannot hold it.
        """
        try:
            return encode_row(value)
        except (ValueError, TypeError, RecursionError) as error:
            if index is not None:
                where = self.where("annotations", index, value)
            reason = f"cannot be kept as JSON: {error}"
            if isinstance(error, RecursionError):
                reason = "is nested too deep"
            elif "Out of range float" in str(error):
                reason = "holds NaN or Infinity, expected finite numbers"
            raise ProjectError(f"{where}: {reason}") from None

    def where(self, section: str, index: int, item: Mapping[str, Any]) -> str:
        """The place of an item in the document, for messages."""
        return f"{self.source}: {section}[{index}] (id {_short(item.get('id'))})"


def image_row(
    make: RowMaker, image: Mapping[str, Any], position: int, done: bool, problem: str | None, where: str
) -> tuple[Any, ...]:
    """The row of an image that `RowMaker.image` took.

    Args:
        make: of the document.
        image: the image.
        position: its place in the queue.
        done: whether all its people came with labels.
        problem: why its photo cannot be shown.
        where: its place in the document, for messages.

    Raises:
        ProjectError: its name is no valid Unicode, or JSON cannot hold it.
    """
    return (
        image["id"],
        position,
        plain_text(image["file_name"], where),
        image["width"],
        image["height"],
        "done" if done else "unlabelled",
        IMPORTED if done else None,
        None if problem is None else problem.encode("utf-8", "backslashreplace").decode(),
        make.encode(image, where),
    )


def insert_many(connection: Connection, table: str, columns: str, rows: Any) -> None:
    """Adds rows to a table, `columns` being their names with blanks between."""
    names = columns.split()
    places = ", ".join("?" * len(names))
    # The driver's own executemany: SQLAlchemy's per-row work would take longer than SQLite's.
    cursor = connection.connection.cursor()
    cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)
    cursor.close()


def check_id(item: Mapping[str, Any], where: str) -> int:
    """The id of an item.

    Raises:
        ProjectError: no integer of 64 bits.
    """
    value = item.get("id")
    if type(value) is not int or not -ID_LIMIT < value < ID_LIMIT - 1:
        raise ProjectError(f"{where}: the id is {_short(value)}, expected an integer of 64 bits")
    return value


def plain_text(text: str, where: str) -> str:
    """The text of a file name.

    Raises:
        ProjectError: it holds half a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProjectError(f"{where}: file_name {text!r} is no valid Unicode, expected the photo's path") from None
    return text


def _short(value: Any) -> str:
    text = f"a number of {value.bit_length()} bits" if type(value) is int and abs(value) >= ID_LIMIT else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
