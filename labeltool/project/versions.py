"""The models that were trained on a project: checkpoints in its folder `models`, told of in one index.

    P/models/versions.json              the index: one record a version, in the order they came
    P/models/heatmap-2.safetensors      the checkpoint of heatmap@project-2
    P/models/heatmap-2/                 its card, learning curve and sheet of failures

A version exists once the index names it. Its files are written before, each in one piece, so that a process killed at any moment
leaves either the version or files that the next one writes over.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labeltool.errors import ProjectError
from labeltool.files import atomic_write
from labeltool.project.database import now

#: The folder below a project's, and the index in it.
FOLDER, INDEX = "models", "versions.json"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Version:
    """A model that was trained on a project.

    Attributes:
        model: its kind, a name of `labeltool models`.
        number: from 1 on, counted over all kinds.
        sha256: of the checkpoint.
        at: when it was registered, UTC.
        skeleton: the name of its joints.
        parent: what it started from: another version, or the first digits of a checkpoint's SHA-256.
        people: how many people it was trained on.
        held_out: how many it was validated on.
        score: what it reached on them; None where it is not known.
        measure: what the score is, such as `pdj@0.2`.
        learnt: the store's numbers of the people whom it, or a version that it comes from, was trained on.
        validated: and of those it was validated on.
        before: the score on them of what it started from; None where that does not tell these joints, or is not known.
    """

    model: str
    number: int
    sha256: str
    at: str
    skeleton: str
    parent: str
    people: int
    held_out: int
    score: float | None
    measure: str
    learnt: tuple[int, ...]
    validated: tuple[int, ...] = ()
    before: float | None = None

    @property
    def version(self) -> str:
        """What the checkpoint says its version is: `project-2`."""
        return version_name(self.number)

    @property
    def name(self) -> str:
        """The model with its version, as `labeltool audit --model` takes it: `heatmap@project-2`."""
        return f"{self.model}@{self.version}"

    @property
    def worth(self) -> str:
        """What it reached, in words; empty where that is not known."""
        if self.score is None:
            return ""
        than = "" if self.before is None else f" ({self.before:.3f} before)"
        return f"{self.measure} {self.score:.3f}{than} on the {self.held_out} held out"

    def file_name(self) -> str:
        """The checkpoint's name in the folder `models`."""
        return f"{self.model}-{self.number}.safetensors"


def version_name(number: int) -> str:
    """The version of a model that was trained on a project."""
    return f"project-{number}"


def versions(project: Path) -> list[Version]:
    """The versions of a project, oldest first; none where nothing was trained.

    Raises:
        ProjectError: the index is damaged, or cannot be read.
    """
    path = project / FOLDER / INDEX
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path}: cannot be read: {error}") from None
    try:
        return [_from_json(row) for row in plain["versions"]]
    except (TypeError, KeyError, ValueError) as error:
        raise ProjectError(f"{path}: no index of versions: {error}, expected what labeltool train writes") from None


def current_version(project: Path, model: str | None = None) -> Version | None:
    """The version registered last, of that kind of model if one is named; None where there is none.

    Raises:
        ProjectError: as `versions`.
    """
    found = [version for version in versions(project) if model is None or version.model == model]
    return found[-1] if found else None


def next_number(project: Path) -> int:
    """The number of the version to come."""
    return max((version.number for version in versions(project)), default=0) + 1


def weights_of(project: Path, version: Version) -> Path:
    """The checkpoint of a version.

    Raises:
        ProjectError: the file is gone.
    """
    path = project / FOLDER / version.file_name()
    if not path.is_file():
        raise ProjectError(f"{path}: missing, expected the checkpoint of {version.name}")
    return path


def learnt_people(project: Path, models: Sequence[tuple[str, str, str]]) -> frozenset[int]:
    """The store's numbers of the people whom any of some models was trained on.

    Args:
        project: the project's folder.
        models: name, version and SHA-256 of the weights; those that were not trained on this project add nobody.
    """
    hashes = {sha256 for _, _, sha256 in models}
    return frozenset(person for version in versions(project) if version.sha256 in hashes for person in version.learnt)


def validated_people(project: Path) -> frozenset[int]:
    """The store's numbers of the people whom any version of a project was validated on."""
    return frozenset(person for version in versions(project) for person in version.validated)


def register_version(
    project: Path,
    checkpoint: Path,
    *,
    model: str,
    number: int,
    skeleton: str,
    parent: str,
    people: int,
    held_out: int,
    score: float | None,
    measure: str,
    learnt: Sequence[int],
    validated: Sequence[int] = (),
    before: float | None = None,
    beside: Sequence[Path] = (),
) -> Version:
    """Copies a checkpoint and its card into a project, and only then writes the version into the index.

    Of a checkpoint that is registered already, the version is returned as it is.

    Args:
        project: the project's folder.
        checkpoint: the file.
        model: see `Version`, as the arguments after it.
        number: the one that the checkpoint says (`next_number` when its training began).
        skeleton: see `Version`.
        parent: see `Version`.
        people: see `Version`.
        held_out: see `Version`.
        score: see `Version`.
        measure: see `Version`.
        learnt: see `Version`.
        validated: see `Version`.
        before: see `Version`.
        beside: the card, and files that it shows; those that are not there are left out.

    Raises:
        ProjectError: the number is taken by another checkpoint, or a file cannot be written.
    """
    if not _NAME.fullmatch(model):
        raise ProjectError(f"model {model!r}: expected a name of letters, digits and hyphens")
    try:
        data = checkpoint.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        (project / FOLDER).mkdir(exist_ok=True)
        with _alone(project):
            known = versions(project)
            for version in known:
                if version.sha256 == sha256:
                    return version
            if any(version.number == number for version in known):
                raise ProjectError(
                    f"{project}: version {version_name(number)} was registered meanwhile, expected a training that began after it"
                )
            made = Version(
                *(model, number, sha256, now(), skeleton, parent, people, held_out, score, measure),
                tuple(learnt),
                tuple(validated),
                before,
            )
            _write(project / FOLDER / made.file_name(), data)
            folder = project / FOLDER / f"{model}-{number}"
            folder.mkdir(exist_ok=True)
            for path in beside:
                if path.is_file():
                    _write(folder / path.name, path.read_bytes())
            rows = [asdict(version) for version in (*known, made)]
            _write(project / FOLDER / INDEX, json.dumps({"versions": rows}).encode())
    except OSError as error:
        raise ProjectError(f"{error.filename or project}: cannot be written: {error.strerror or error}") from None
    return made


@contextmanager
def _alone(project: Path) -> Iterator[None]:
    """While another process registers, wait (where the system has such locks)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(project / FOLDER / ".lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path) as file:
        file.write(data)


def _from_json(row: dict[str, Any]) -> Version:
    lists = {name: tuple(int(person) for person in row.get(name, ())) for name in ("learnt", "validated")}
    version = Version(**{**row, **lists})
    if not (_NAME.fullmatch(version.model) and isinstance(version.number, int)):
        raise ValueError(f"version {version.number!r} of {version.model!r}")
    return version
