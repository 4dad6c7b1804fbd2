"""The loop of a project: trained on what its labellers corrected, from its current model, registered as its next version."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.errors import ModelError
from labeltool.models.weights import file_sha256, read_checkpoint
from labeltool.project import Project
from labeltool.project.versions import (
    FOLDER,
    Version,
    current_version,
    next_number,
    register_version,
    version_name,
    versions,
    weights_of,
)
from labeltool.skeleton import Skeleton
from labeltool.training.from_files import TRAINABLE, shipped_weights
from labeltool.training.sources import Source, read_source
from labeltool.training.starting import known_joints, people_behind

#: What of a run lies beside its checkpoint in a project.
BESIDE = ("card.md", "curve.csv", "curve.svg", "failures.jpg")

#: Fewer people than this are seen oftener, in smaller steps.
_FEW = 2000

#: People are seen so often that a fine-tuning takes at least so many looks, where that takes no more than so many epochs: with
#: small steps fewer change nothing.
_LOOKS, _MOST_EPOCHS = 2600, 32

#: A model is young as long as it has learnt from fewer people than so many times those who are labelled now.
_YOUNG = 4


@dataclass(frozen=True)
class NextVersion:
    """A training that is to become a project's next version.

    Attributes:
        project: the project's folder.
        model: what is trained.
        number: the version's.
        init: the checkpoint to start from.
        parent: the version that it is, or None where it is a shipped one.
        skeleton: the joints to learn.
        people: how many there are to learn from and to validate on.
        labels: a short digest of their labels.
        known: how many people the checkpoint to start from has learnt from, and those that it started from; 0 where it is of
            another kind of model, so that heads start by chance; None where it does not say.
        anew: how many joints it has not learnt, whose heads start by chance or as good as that.
    """

    project: Path
    model: str
    number: int
    init: Path
    parent: Version | None
    skeleton: Skeleton
    people: int
    labels: str
    known: int | None = None
    anew: int = 0

    @property
    def version(self) -> str:
        """What the checkpoint is to say."""
        return version_name(self.number)

    @property
    def begins_as(self) -> str:
        """What it starts from, in words."""
        return f"the shipped {self.init.name}" if self.parent is None else self.parent.name

    def usual(self) -> dict[str, Any]:
        """Epochs, batch and rate for so many people.

        A model that has seen many more people than these is fine-tuned: small steps, so that what it knew stays, and larger ones
        where joints begin anew or it sees whole photos. A young one, of whose people these are a good part, has more to learn
        than to lose: large steps, twice as often; one of whole photos is trained like a new one, at the command's own numbers.
        Of few people small steps are not many: fine-tuning sees them oftener, 32 times at most.
        """
        epochs, batch = (8, 16) if self.people < _FEW else (4, 32)
        careful = self.known is None or self.people * _YOUNG < self.known
        if self.model not in TRAINABLE:
            return {"epochs": epochs, "rate": 5e-4} if careful else {}
        if careful:
            oftener = min(round(_LOOKS / max(self.people, 1)), _MOST_EPOCHS)
            return {"epochs": max(epochs, oftener), "batch": batch, "rate": 5e-4 if self.anew else 1e-4}
        return {"epochs": 2 * epochs, "batch": batch, "rate": 1.5e-3}

    def folder(self, settings: Any) -> Path:
        """The folder of the run where none is asked for: the same labels and settings find a stopped run again."""
        text = json.dumps([self.labels, file_sha256(self.init), settings], sort_keys=True, default=str)
        return self.project / FOLDER / "runs" / f"{self.model}-{self.number}-{_digest(text.encode())}"


def plan_version(project: Path, model: str, skeleton: Skeleton | None = None) -> NextVersion:
    """The next version of a project: what it starts from, and its number.

    It starts from the version of that model that was registered last, and else from what is shipped; a model that is not
    shipped starts from the backbone of the shipped heatmap model.

    Args:
        project: the project's folder.
        model: what is trained.
        skeleton: the joints to learn; by default the project's.

    Raises:
        ProjectError: the folder holds no project, or the current version's file is gone.
        ModelError: nobody in it can teach.
    """
    if skeleton is None:
        with Project.open(project) as opened:
            skeleton = opened.skeleton
    people = read_source(Source(project), skeleton)
    digest = hashlib.sha256()
    for person in people:
        digest.update(f"{person.photo.name} {person.number} {person.box.tolist()}".encode())
        digest.update(np.ascontiguousarray(person.xy).tobytes() + np.ascontiguousarray(person.v).tobytes())
    if model not in TRAINABLE:  # learns from whole photos that are done, with everybody on them
        with Project.open(project) as opened:
            digest.update(json.dumps(opened.to_document(only_done=True), sort_keys=True).encode())
    parent, init = start_of(project, model)
    known, anew = _known_by(init, model, skeleton)
    labels = digest.hexdigest()
    return NextVersion(project, model, next_number(project), init, parent, skeleton, len(people), labels, known, anew)


def start_of(project: Path, model: str) -> tuple[Version | None, Path]:
    """The version of that model that a project registered last, None where there is none, and the file to start the next from.

    Raises:
        ProjectError: the folder holds no project, or the version's file is gone.
    """
    parent = current_version(project, model)
    return parent, shipped_weights(model) if parent is None else weights_of(project, parent)


def expect_new(out: Path, project: Path) -> None:
    """Nothing, when a folder holds no training that is a version already.

    Raises:
        ModelError: it does.
    """
    best = out / "best.safetensors"
    if best.is_file():
        sha256 = file_sha256(best)
        for version in versions(project):
            if version.sha256 == sha256:
                raise ModelError(f"{out}: holds the training of {version.name}, expected another --out, or none")


def register_run(plan: NextVersion, best: Path, *, tidy: bool = False) -> Version:
    """Registers the best checkpoint of a run as the project's next version.

    Args:
        plan: what the run was started with.
        best: its checkpoint, the card beside it.
        tidy: remove the run's folder then.

    Raises:
        ModelError: the checkpoint is damaged.
        ProjectError: the project cannot be written, or the version's number is taken.
    """
    found = read_checkpoint(best)
    about = found.description
    source: Mapping[str, Any] = (about.get("data") or [{}])[0]
    validation: Mapping[str, Any] = about.get("validation") or {}
    scores = [(key, value) for key, value in validation.items() if key not in ("people", "photos")]
    measure, score = scores[0] if scores else ("", None)
    learnt = set(source.get("learnt", ()))
    if plan.parent is not None:
        learnt |= set(plan.parent.learnt)
    made = register_version(
        plan.project,
        best,
        model=plan.model,
        number=plan.number,
        skeleton=about["config"]["skeleton"]["name"],
        parent=plan.parent.version if plan.parent is not None else file_sha256(plan.init)[:12],
        people=int(source.get("people", 0)),
        held_out=int(about.get("held_out", 0)),
        score=None if score is None else float(score),
        measure=measure,
        learnt=sorted(learnt),
        validated=about.get("validated", ()),
        before=(about.get("before") or {}).get(measure),
        beside=[best.parent / name for name in BESIDE],
    )
    if tidy:
        shutil.rmtree(best.parent, ignore_errors=True)
    return made


def _known_by(checkpoint: Path, model: str, skeleton: Skeleton) -> tuple[int | None, int]:
    """`known` and `anew` of a checkpoint, as far as a model of that kind can use it (see `NextVersion`)."""
    description = read_checkpoint(checkpoint).description
    if description.get("model") != model:
        return 0, len(skeleton)
    return people_behind(description), len(skeleton) - len(known_joints(description, skeleton))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:10]
