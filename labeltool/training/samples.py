"""Training samples: each labelled person's surroundings cut out once, small, and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from labeltool.skeleton import Conversion, Skeleton, convert, from_category
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
        """All the parts, one after another; a single one as it is."""
        if len(parts) == 1:
            return parts[0]
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


def people_of(
    document: CocoDocument, photos: Path, skeleton: Skeleton, tell: Callable[[str], None] | None = None
) -> list[Person]:
    """The people of a COCO document that have labelled joints, crowds left out.

    Args:
        document: the labels.
        photos: the folder that its file names start from.
        skeleton: the joints to train; the document's own are brought to it by name.
        tell: is told, a line each, who and which labelled joints are left out.

    Raises:
        ModelError: the box of one of them is no box, or lies outside the photo.
    """
    category = person_category(document)
    conversion = convert(from_category(category), skeleton)
    images = {image["id"]: image for image in document.images}
    people, left_out = [], LeftOut(conversion)
    for annotation in document.annotations:
        if annotation.get("iscrowd") or annotation.get("category_id") != category["id"]:
            continue
        image = images.get(annotation.get("image_id"))
        if image is None:
            left_out.on_no_photo += 1
            continue
        own_xy, own_v = keypoints_of(annotation, len(conversion.source))
        left_out.see(own_v)
        xy = conversion.apply(own_xy[None], fill=0.0)[0]
        v = conversion.apply(own_v[None], fill=0)[0]
        box = box_of_joints(xy, v)
        if box is None:
            left_out.without_joints += 1
            continue
        if annotation.get("bbox"):
            box = box_of(annotation, image, document.source)
        if max(box[2:]) < 2:
            left_out.too_small += 1
            continue
        expect_on_photo(box, annotation, image, document.source)
        people.append(Person(photos / image["file_name"], box, xy, v))
    if tell is not None:
        for line in left_out.lines(document.source):
            tell(line)
    return people


def labels_not_learnt(document: CocoDocument, skeleton: Skeleton) -> Iterator[str]:
    """A line that names the joints that are labelled in a document and not in the skeleton, where there are any."""
    category = person_category(document)
    own = from_category(category)
    left_out = LeftOut(convert(own, skeleton))
    for annotation in document.annotations:
        if annotation.get("category_id") == category["id"] and annotation.get("keypoints"):
            left_out.see(keypoints_of(annotation, len(own))[1])
    yield from left_out.lines(document.source)


class LeftOut:
    """Counts what of labels is not learnt from.

    Attributes:
        without_joints: people none of whose joints that are learnt is labelled.
        too_small: people whose box is less than two pixels.
        on_no_photo: people of an image that the labels do not list.
        joints: labelled joints that are not learnt, each with how many people have it.
    """

    def __init__(self, conversion: Conversion) -> None:
        self.on_no_photo = self.without_joints = self.too_small = 0
        self.joints = dict.fromkeys(conversion.dropped, 0)
        self._skeleton = conversion.target.name
        self._places = [(joint, conversion.source.index(joint)) for joint in conversion.dropped]

    def see(self, v: NDArray[np.int_]) -> None:
        """Counts the labelled joints of a person's own (K,) that are not learnt."""
        for joint, place in self._places:
            self.joints[joint] += int(v[place] > 0)

    def lines(self, where: str) -> Iterator[str]:
        """A line for each kind of thing that was left out."""
        people = (
            (self.without_joints, f"without a labelled joint of {self._skeleton}"),
            (self.too_small, "with a box of less than two pixels"),
            (self.on_no_photo, "on an image that is not listed"),
        )
        if any(count for count, _ in people):
            yield f"{where}: people left out: {', '.join(f'{count:,} {why}' for count, why in people if count)}"
        lost = [joint for joint, count in self.joints.items() if count]
        if lost:
            yield f"{where}: labelled and not learnt, as {self._skeleton} has no such joints: {', '.join(lost)}"


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

    starts = np.cumsum([0, *map(len, groups)]).tolist()
    count, joints = starts.pop(), len(groups[0][0].v)
    # crops in a list would take their memory a second time when it becomes an array
    samples = Samples(
        np.empty((count, size, size, 3), np.uint8),
        np.empty((count, joints, 2), np.float32),
        np.empty((count, joints), np.int8),
        np.full(count, size / reach, np.float32),
    )

    def cut(start: int, group: list[Person]) -> None:
        photo = load_photo(group[0].photo)
        for row, person in enumerate(group, start):
            # the file itself may be smaller than the labels say
            if not is_on_photo(person.box, (photo.shape[1], photo.shape[0])):
                raise ModelError(
                    f"{person.photo}: the box {show(person.box.tolist())}{_named(person)} lies outside the photo of"
                    f" {photo.shape[1]} x {photo.shape[0]} pixels, expected them to overlap"
                )
            square = square_boxes(person.box, reach)
            samples.crops[row] = crop_photo(photo, square, size)
            samples.xy[row] = image_to_crop(person.xy, square, size)
            samples.v[row] = person.v

    bar = tqdm(total=len(groups), desc="cutting out people", unit="photo", disable=True if quiet else None)
    with ThreadPoolExecutor(2) as pool, bar:
        for _ in pool.map(cut, starts, groups):
            bar.update()
    return samples


def _named(person: Person) -> str:
    return "" if person.number is None else f" of person {person.number}"
