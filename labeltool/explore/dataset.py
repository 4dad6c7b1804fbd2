"""A project as a FiftyOne data set: made, or brought up to date with its tags, ids and the user's own fields left as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any

from labeltool.errors import ExploreError
from labeltool.explore import engine
from labeltool.explore.fields import INNER, LABEL_FIELDS, arrange, declare, facts, labels_of, skeleton_of
from labeltool.explore.gathering import Photo, gather
from labeltool.explore.measured import SCALE, choose_model, measure
from labeltool.project import Project
from labeltool.skeleton import Skeleton

#: The key of `dataset.info` under which stands whose data set it is.
INFO = "labeltool"

#: The source of marks that come from tags.
SOURCE = "fiftyone"

#: Photos that are written at once.
CHUNK = 250

Told = Callable[[int], object]


@dataclass(frozen=True)
class Built:
    """What `build` made.

    Attributes:
        dataset: the FiftyOne data set.
        photos: photos in it.
        new: of them, those that came new.
        people: labelled people.
        measured: of them, those with an OKS or a kind of error.
        guesses: predictions.
        withheld: predictions left out, because somebody is still to be labelled blind.
        model: whose predictions, or empty.
        notes: what else a user should know.
    """

    dataset: Any
    photos: int
    new: int
    people: int
    measured: int
    guesses: int
    withheld: int
    model: str
    notes: tuple[str, ...]


def build(project: Project, name: str | None = None, model: str | None = None, told: Told | None = None) -> Built:
    """Builds the data set of a project, or brings it up to date.

    Samples are known again by their `image_id`, labels by their person (a prediction made for nobody is made anew): their tags
    and FiftyOne ids stay, and so do saved views and fields that labeltool does not write.

    Args:
        project: the project.
        name: of the data set; by default the project's.
        model: as `evaluate.choose_run` takes it; by default the one that was run last.
        told: called with how many photos were written since the last call.

    Raises:
        ExploreError: no FiftyOne, or a data set of that name which was not made of this project.
        AuditError: no such predictions.
    """
    run = choose_model(project, model)
    fo = engine.load()
    name = name or project.config.name
    dataset = _open(fo, project, name)
    measured = None if run is None else measure(project, run)
    notes = (measured.note,) if measured is not None and measured.note else ()
    dataset.default_skeleton = skeleton_of(fo, project.skeleton)
    declare(fo, dataset)
    known = dict(zip(*dataset.values(["image_id", "id"]), strict=True))
    counts = dict.fromkeys(("photos", "new", "people", "measured", "guesses", "withheld"), 0)
    photos = gather(project, run, measured, SOURCE, project.images())
    seen: set[int] = set()
    for chunk in _chunks(photos, CHUNK):
        new = [photo for photo in chunk if photo.image.id not in known]
        if new:
            known.update(zip((photo.image.id for photo in new), _add(fo, dataset, new), strict=True))
        _write(fo, dataset, chunk, [known[photo.image.id] for photo in chunk], project.skeleton)
        seen.update(photo.image.id for photo in chunk)
        _count(counts, chunk, len(new))
        if told is not None:
            told(len(chunk))
    gone = [sample for image, sample in known.items() if image not in seen]
    if gone:
        dataset.delete_samples(gone)
    said = "" if measured is None else str(measured.model)
    dataset.info[INFO] = {"project": str(project.path.resolve()), "model": said, "oks_scale": SCALE}
    dataset.save()
    return Built(dataset=dataset, model=said, notes=notes, **counts)


def find_built(project: Project, name: str | None = None) -> Any:
    """The data set that was built of a project.

    Raises:
        ExploreError: there is none, or one that was made of something else.
    """
    fo = engine.load()
    name = name or project.config.name
    if not fo.dataset_exists(name):
        raise ExploreError(f"FiftyOne has no data set {name!r}: labeltool explore {project.path} builds it")
    return _owned(fo.load_dataset(name), project)


def _open(fo: ModuleType, project: Project, name: str) -> Any:
    if fo.dataset_exists(name):
        return _owned(fo.load_dataset(name), project)
    try:
        dataset = fo.Dataset(name, persistent=True)
    except ValueError as error:
        raise ExploreError(f"FiftyOne takes no data set named {name!r}: {str(error).splitlines()[0]}") from None
    dataset.info[INFO] = {"project": str(project.path.resolve())}
    declare(fo, dataset)
    arrange(fo, dataset)
    dataset.save()
    return dataset


def _owned(dataset: Any, project: Project) -> Any:
    owner = (dataset.info.get(INFO) or {}).get("project")
    if owner != str(project.path.resolve()):
        of = f"is of the project {owner}" if owner else "was not made by labeltool"
        raise ExploreError(f"FiftyOne's data set {dataset.name!r} {of}, expected another --name")
    return dataset


def _add(fo: ModuleType, dataset: Any, photos: Sequence[Photo]) -> list[str]:
    """Adds bare samples; their ids. None stays alive here: FiftyOne reads those again at each field that is written."""
    samples = [fo.Sample(filepath=str(photo.path), image_id=photo.image.id) for photo in photos]
    ids: list[str] = dataset.add_samples(samples, dynamic=False, validate=False)
    return ids


def _write(fo: ModuleType, dataset: Any, photos: Sequence[Photo], ids: Sequence[str], skeleton: Skeleton) -> None:
    """Writes the fields of photos that are in the data set, a field of all at once: whole samples cost FiftyOne twice as much."""
    view = dataset.select(list(ids), ordered=True)
    kept = [dict[str, Mapping[int, tuple[str, list[str]]]]() for _ in photos]
    for field in LABEL_FIELDS:
        path = f"{field}.{INNER[field]}"
        columns = view.values([f"{path}.{name}" for name in ("person", "id", "tags")])
        for place, (people, labels, tags) in enumerate(zip(*columns, strict=True)):
            kept[place][field] = {
                person: (label, tag or [])
                for person, label, tag in zip(people or (), labels or (), tags or (), strict=True)
                if person is not None
            }
    rows = [
        {"filepath": str(photo.path), **facts(fo, photo), **labels_of(fo, photo, skeleton, old)}
        for photo, old in zip(photos, kept, strict=True)
    ]
    for name in rows[0]:
        view.set_values(name, [row[name] for row in rows], dynamic=False, validate=False)


def _count(counts: dict[str, int], chunk: Sequence[Photo], new: int) -> None:
    counts["photos"] += len(chunk)
    counts["new"] += new
    for photo in chunk:
        counts["people"] += sum(one.is_labelled for one in photo.people)
        counts["measured"] += sum(one.verdict is not None for one in photo.people)
        counts["guesses"] += len(photo.guesses)
        counts["withheld"] += photo.withheld


def _chunks(photos: Iterator[Photo], size: int) -> Iterator[list[Photo]]:
    while chunk := list(islice(photos, size)):
        yield chunk
