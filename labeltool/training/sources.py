"""Where training people come from: label files with their photos, and projects with the labels that humans corrected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labeltool.errors import ModelError
from labeltool.formats.coco import read_coco
from labeltool.formats.imported import Imported
from labeltool.formats.lsp import read_lsp
from labeltool.geometry import box_of_joints
from labeltool.models.weights import file_sha256
from labeltool.project import Project
from labeltool.skeleton import Skeleton, convert
from labeltool.training.samples import LeftOut, Person, people_of

#: Of a project's photos this share teaches nothing, and so many people on them at most are validated on.
HELD_OUT_SHARE, MOST_HELD_OUT = 0.2, 500


@dataclass(frozen=True)
class Source:
    """Labelled people to learn from.

    Attributes:
        labels: a COCO JSON, a joints.mat, or a project's folder.
        photos: the folder of the photos; None for a project, which knows its own.
        per_epoch: how many of them, by chance, an epoch sees; None for all.
    """

    labels: Path
    photos: Path | None = None
    per_epoch: int | None = None

    @property
    def is_project(self) -> bool:
        """Whether it is a project's folder."""
        return self.photos is None

    def sha256(self) -> str | None:
        """The SHA-256 of the label file; None for a project, which goes on changing."""
        return None if self.is_project else file_sha256(self.labels)


def read_source(source: Source, skeleton: Skeleton, tell: Callable[[str], None] | None = None) -> list[Person]:
    """The labelled people of a source.

    Args:
        source: where from.
        skeleton: the joints to learn.
        tell: is told, a line each, which photos, people and labelled joints are left out.

    Raises:
        ModelError: nobody has a joint of the skeleton labelled.
        FormatError, ProjectError: the source cannot be read.
    """
    if source.photos is None:
        people = people_of_project(source.labels, skeleton, tell)
        what = "person whom a human has labelled or checked"
    else:
        people = read_people(source.labels, source.photos, skeleton, tell)
        what = "person with labelled joints"
    if not people:
        raise ModelError(f"{source.labels}: no {what} of skeleton {skeleton.name}, expected at least one")
    return people


def read_people(
    labels: Path, photos: Path, skeleton: Skeleton, tell: Callable[[str], None] | None = None
) -> list[Person]:
    """The labelled people of a file, photos that cannot be used left out; LSP's have the tight box of their joints.

    Args:
        labels: the file.
        photos: the folder of its photos.
        skeleton: the joints to learn.
        tell: as `read_source` has it.

    Raises:
        FormatError: the file is no COCO JSON and no joints.mat.
    """
    if labels.suffix == ".mat":
        imported = read_lsp(photos, labels)
    else:
        imported = read_coco(photos, labels, None)
    broken = unusable(imported, labels, tell)
    people = people_of(imported.document, imported.image_root, skeleton, tell)
    return [p for p in people if p.photo.relative_to(imported.image_root).as_posix() not in broken]


def unusable(imported: Imported, labels: Path, tell: Callable[[str], None] | None = None) -> set[str]:
    """The file names of the photos of a label file that cannot be used, of which one line tells."""
    broken = {
        i["file_name"]: imported.problems[i["id"]] for i in imported.document.images if i["id"] in imported.problems
    }
    if broken and tell is not None:
        first, why = next(iter(broken.items()))
        tell(f"{labels}: photos left out as they cannot be used: {len(broken):,}, the first {first}: {why}")
    return set(broken)


def people_of_project(folder: Path, skeleton: Skeleton, tell: Callable[[str], None] | None = None) -> list[Person]:
    """The people of a project whom a human has touched, photo after photo; predictions are no labels.

    Whoever is labelled blind is left out: they measure what the model is worth, and so must never teach it.

    Args:
        folder: the project's.
        skeleton: the joints to learn.
        tell: as `read_source` has it.

    Raises:
        ProjectError: the folder holds no project.
    """
    with Project.open(folder) as project:
        conversion = convert(project.skeleton, skeleton)
        images = {person.image_id for person in project.labelled_people() if person.touched}
        found, left_out, broken = [], LeftOut(conversion), 0
        for image in sorted((project.image(image_id) for image_id in images), key=lambda i: i.position):
            if image.problem is not None:
                broken += 1
                continue
            for person in project.people(image.id):
                if not person.touched or person.blind or person.crowd:
                    continue
                joints = [person.joints[name] for name in project.skeleton.joints]
                own_v = np.array([j.v if j.is_human else 0 for j in joints])
                left_out.see(own_v)
                own_xy = np.array([[j.x, j.y] if v else [0.0, 0.0] for j, v in zip(joints, own_v, strict=True)])
                xy = conversion.apply(own_xy[None], fill=0.0)[0]
                v = conversion.apply(own_v[None], fill=0)[0]
                tight = box_of_joints(xy, v)
                if tight is None:
                    left_out.without_joints += 1
                    continue
                box = tight if person.box is None else np.asarray(person.box, dtype=np.float64)
                if max(box[2:]) < 2:
                    left_out.too_small += 1
                    continue
                found.append(Person(project.photo_path(image), box, xy, v, person.id))
    if tell is not None:
        if broken:
            tell(f"{folder}: photos left out as they cannot be used: {broken:,} (labeltool status {folder})")
        for line in left_out.lines(str(folder)):
            tell(line)
    return found


def split_by_photo(people: Sequence[Person], held_out: int, where: str) -> tuple[list[Person], list[Person]]:
    """Those to train on, and those to validate on: everybody on the last photos, at least `held_out` people.

    No photo is on both sides. Photos keep the order in which they come first.

    Raises:
        ModelError: nobody would be left to train on.
    """
    order: dict[Path, list[Person]] = {}
    for person in people:
        order.setdefault(person.photo, []).append(person)
    validation: list[list[Person]] = []
    groups = list(order.values())
    while groups and sum(map(len, validation)) < held_out:
        validation.insert(0, groups.pop())
    if held_out < 1 or not groups:
        raise ModelError(
            f"{where}: {len(people)} labelled people on {len(order)} photos, expected more than the {held_out} to validate on"
            " (at least 1; see --validation)"
        )
    return [p for group in groups for p in group], [p for group in validation for p in group]


def split_for_good(
    people: Sequence[Person], where: str, before: Collection[int] = ()
) -> tuple[list[Person], list[Person]]:
    """Those to train on, and those to validate on: everybody on a fifth of the photos, at most about `MOST_HELD_OUT` people.

    Which photos these are follows from their file names alone. However many are labelled later, a photo of that fifth stays out
    of what later trainings learn, so that versions can be held against each other on it; so do those of the fifth that are too
    many to validate on. Where the lot gives the fifth no photo, or all of them, one photo is on the other side all the same.

    Args:
        people: of a project.
        where: the project, for messages.
        before: the store's numbers of those whom earlier versions were validated on; their photos are apart too.

    Raises:
        ModelError: there is only one photo.
    """
    photos: dict[Path, list[Person]] = {}
    for person in people:
        photos.setdefault(person.photo, []).append(person)
    if len(photos) < 2:
        raise ModelError(
            f"{where}: labelled people on {len(photos)} photo, expected at least 2: one to train and one to validate on"
        )
    known = {photo for photo, those in photos.items() if any(p.number in before for p in those)}
    order = sorted(photos, key=lambda photo: (photo not in known, _lot(photo)))
    count = sum(photo in known or _lot(photo) < HELD_OUT_SHARE for photo in order)
    apart = order[: min(max(count, 1), len(order) - 1)]
    so_far = np.cumsum([len(photos[photo]) for photo in apart])
    held_out = {photo for photo, n in zip(apart, so_far, strict=True) if n <= MOST_HELD_OUT or photo == apart[0]}
    out = set(apart)
    return [p for p in people if p.photo not in out], [p for p in people if p.photo in held_out]


def _lot(photo: Path) -> float:
    """A photo's own number in [0, 1), by chance, from its name."""
    return int.from_bytes(hashlib.sha256(photo.name.encode()).digest()[:7]) / 2**56
