"""Training samples: each labelled person's surroundings cut out once, small, and kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from labeltool.coco.document import CocoDocument, keypoints_of, person_category
from labeltool.coco.show import show
from labeltool.errors import ModelError
from labeltool.geometry import FloatArray, box_of_joints, image_to_crop, square_boxes
from labeltool.images import crop_photo, load_photo
from labeltool.skeleton import Skeleton, convert, from_category
from labeltool.training.boxes import box_of, expect_on_photo, is_on_photo


@dataclass(frozen=True)
class Person:
    """A labelled person of a training set: photo file, box xywh, joints (K, 2), their v (K,), and a project's number for them."""

    photo: Path
    box: FloatArray
    xy: FloatArray
    v: NDArray[np.int_]
    number: int | None = None


@dataclass(frozen=True)
class Samples:
    """N people, cut out and in memory.

    Attributes:
        crops: (N, S, S, 3) bytes, each the square of `reach` times the longer side of the person's box.
        xy: (N, K, 2) joints in the pixels of the crop.
        v: (N, K) visibility.
        box_side: (N,) the longer side of the person's box, in pixels of the crop.
    """

    crops: NDArray[np.uint8]
    xy: NDArray[np.float32]
    v: NDArray[np.int8]
    box_side: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.crops)

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """All the parts, one after another."""
        return cls(
            *(np.concatenate([getattr(p, field) for p in parts]) for field in ("crops", "xy", "v", "box_side")),
        )


@dataclass(frozen=True)
class Part:
    """A run of rows of `Samples` that came from one source.

    Attributes:
        count: people of the source.
        per_epoch: how many of them, by chance, are taken each epoch; None for all.
        taught: whether the task's teacher, where it has one, teaches them beside their labels.
    """

    count: int
    per_epoch: int | None = None
    taught: bool = True


def people_of_epoch(count: int, parts: Sequence[Part], chance: torch.Generator) -> Tensor:
    """Whom an epoch sees, in which order: rows of the samples, int64.

    Args:
        count: rows there are.
        parts: which of them belong to which source, from the first on; rows after the last part are all taken.
        chance: the source of it.
    """
    taken, start = [], 0
    for part in parts:
        rows = torch.arange(start, start + part.count)
        if part.per_epoch is not None and part.per_epoch < part.count:
            rows = rows[torch.randperm(part.count, generator=chance)[: part.per_epoch]]
        taken.append(rows)
        start += part.count
    rows = torch.cat([*taken, torch.arange(start, count)])
    return rows[torch.randperm(len(rows), generator=chance)]


def taught(count: int, parts: Sequence[Part]) -> Tensor:
    """Of so many rows of samples, which ones a teacher teaches as well: (N,) bool; rows after the last part are."""
    rest = count - sum(part.count for part in parts)
    return torch.cat([torch.full((part.count,), part.taught) for part in (*parts, Part(rest))])


def people_of(document: CocoDocument, photos: Path, skeleton: Skeleton) -> list[Person]:
    """The people of a COCO document that have labelled joints, crowds left out.

    Args:
        document: the labels.
        photos: the folder that its file names start from.
        skeleton: the joints to train; the document's own are brought to it by name.

    Raises:
        ModelError: the box of one of them is no box, or lies outside the photo.
    """
    category = person_category(document)
    conversion = convert(from_category(category), skeleton)
    images = {image["id"]: image for image in document.images}
    people = []
    for annotation in document.annotations:
        if annotation.get("iscrowd") or annotation.get("category_id") != category["id"]:
            continue
        image = images.get(annotation.get("image_id"))
        if image is None:
            continue
        own_xy, own_v = keypoints_of(annotation, len(conversion.source))
        xy = conversion.apply(own_xy[None], fill=0.0)[0]
        v = conversion.apply(own_v[None], fill=0)[0]
        box = box_of_joints(xy, v)
        if box is None:
            continue
        if annotation.get("bbox"):
            box = box_of(annotation, image, document.source)
        if max(box[2:]) >= 2:
            expect_on_photo(box, annotation, image, document.source)
            people.append(Person(photos / image["file_name"], box, xy, v))
    return people


def cut_out(people: Iterable[Person], *, size: int, reach: float, quiet: bool = False) -> Samples:
    """The people's surroundings as `Samples`, decoded by a pool of threads.

    Args:
        people: whom to cut out.
        size: S, the side of the kept crops in pixels.
        reach: the crop's side over the longer side of the person's box.
        quiet: show no progress bar.

    Raises:
        ModelError: nobody to cut out, or somebody's box lies outside the photo.
        PhotoError: a photo cannot be read.
    """
    groups = [list(g) for _, g in groupby(people, key=lambda person: person.photo)]
    if not groups:
        raise ModelError("training data: no person with labelled joints, expected at least one")

    def cut(group: list[Person]) -> list[tuple[NDArray[np.uint8], FloatArray, NDArray[np.int_], float]]:
        photo = load_photo(group[0].photo)
        rows = []
        for person in group:
            # the file itself may be smaller than the labels say
            if not is_on_photo(person.box, (photo.shape[1], photo.shape[0])):
                raise ModelError(
                    f"{person.photo}: the box {show(person.box.tolist())}{_named(person)} lies outside the photo of"
                    f" {photo.shape[1]} x {photo.shape[0]} pixels, expected them to overlap"
                )
            square = square_boxes(person.box, reach)
            xy = image_to_crop(person.xy, square, size)
            rows.append((crop_photo(photo, square, size), xy, person.v, size / reach))
        return rows

    rows = []
    with ThreadPoolExecutor(2) as pool:
        for part in tqdm(
            pool.map(cut, groups), total=len(groups), desc="cutting out people", unit="photo", disable=quiet
        ):
            rows += part
    return Samples(
        np.stack([r[0] for r in rows]),
        np.stack([r[1] for r in rows]).astype(np.float32),
        np.stack([r[2] for r in rows]).astype(np.int8),
        np.array([r[3] for r in rows], dtype=np.float32),
    )


def _named(person: Person) -> str:
    return "" if person.number is None else f" of person {person.number}"
