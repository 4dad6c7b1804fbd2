"""The models that fill a box while somebody labels: loaded when needed, kept warm, and asked one box at a time."""

from __future__ import annotations

import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from labeltool.errors import ModelError
from labeltool.geometry import box_iou
from labeltool.images import load_photo
from labeltool.models.base import PoseModel, Poses
from labeltool.models.catalog import catalog, default_model, load_model
from labeltool.models.memory import keep_freed_memory
from labeltool.prefill import SAME_PERSON_IOU, predicted_person
from labeltool.project import Box, PredictedPerson
from labeltool.server.photos import photo_tag
from labeltool.skeleton import Skeleton, convert

#: Models that stay loaded, the ones used last.
MODELS_KEPT = 2

#: Bytes of decoded photos that stay in memory for the next box; the one used last stays however large it is.
PHOTO_BYTES = 200_000_000

#: Bytes of freed memory that stay with the server for the model's next answer, at most.
FREED_BYTES = 64 * 2**20

#: The default model is warmed when the routes have been quiet for so many seconds after the first page came, or nobody came at
#: all for the second number: loading it takes the processor from whatever else runs.
_QUIET, _NOBODY = 1.0, 8.0

Photo = NDArray[np.uint8]
Result = TypeVar("Result")


class ModelUnavailable(ModelError):
    """A model that cannot be used on this server: not installed, no weights, or none is wanted."""


class NobodyInBox(ModelError):
    """A model that finds people by itself sees nobody in the box."""


@dataclass(frozen=True)
class Guess:
    """What a model says about the person in a box.

    Attributes:
        model: its name.
        version: the version of its weights.
        weights_hash: of its weights.
        person: box, score and joints in the project's skeleton; joints that the model does not know are absent.
        seconds: what the answer took once the model and the photo were there.
    """

    model: str
    version: str
    weights_hash: str
    person: PredictedPerson
    seconds: float


class _Slot:
    """One model in a thread of its own: what is asked of it happens one after the other, and loading it comes first."""

    def __init__(self, name: str, load: Callable[[], PoseModel]) -> None:
        self.model: PoseModel | None = None
        self._load = load
        # A thread that stays: torch keeps a team of workers for every thread that it is called from.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"model-{name}")

    def ask(self, question: Callable[[PoseModel], Result]) -> Future[Result]:
        """The answer to come."""

        def work() -> Result:
            if self.model is None:
                self.model = self._load()
            return question(self.model)

        return self._thread.submit(work)

    def close(self) -> None:
        """Takes no more questions; those that were asked are answered."""
        self._thread.shutdown(wait=False)


class Models:
    """The models of a label server. Any thread may use it.

    Args:
        default: the model for requests that name none; None for the catalog's.
        weights: a weights file for the default model instead of its own.
        device: a torch device, or `auto`.
        enabled: False for a server without models.
    """

    def __init__(
        self,
        default: str | None = None,
        *,
        weights: Path | None = None,
        device: str = "auto",
        enabled: bool = True,
    ) -> None:
        self.enabled = enabled
        self._chosen = default
        self._weights = weights
        self._device = device
        self._lock = Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._photos = PhotosInMemory(PHOTO_BYTES)
        self._asked = Event()
        self._last_request = 0.0
        self._closed = Event()

    @property
    def default(self) -> str:
        """The model for requests that name none."""
        return self._chosen or default_model()

    def listed(self) -> list[dict[str, Any]]:
        """What a labeller may choose from: models with shipped weights, those of plug-ins, and those named or loaded here."""
        if not self.enabled:
            return []
        with self._lock:
            loaded = {name: slot.model for name, slot in self._slots.items() if slot.model is not None}
        found = []
        for name, info in catalog().items():
            if not (info.shipped or info.source != "labeltool" or name in loaded or name == self.default):
                continue
            model = loaded.get(name)
            found.append(
                {
                    "name": name,
                    "version": None if model is None else model.version,
                    "skeleton": info.skeleton if model is None else model.skeleton.name,
                    "summary": info.summary,
                    "detects": info.detects,
                    "default": name == self.default,
                    "loaded": model is not None,
                }
            )
        return found

    def predict(self, photo: Path, box: Box, skeleton: Skeleton, name: str | None = None) -> Guess:
        """The joints of the person in a box of a photo.

        Args:
            photo: the file.
            box: xywh in image pixels.
            skeleton: the joints that are wanted.
            name: the model; None for the default.

        Raises:
            ModelUnavailable: the model cannot be loaded here, or the server runs without.
            NobodyInBox: it finds people by itself, and none of them is in the box.
            ModelError: there is no such model, the box lies outside the photo, or the model knows none of the joints.
            PhotoError: the photo cannot be read.
        """
        slot = self._slot(self.default if name is None else name)
        pixels = self._photos.get(photo)
        return slot.ask(lambda model: _guess(model, pixels, box, skeleton)).result()

    def note_request(self) -> None:
        """Notes that a page asked for something: the default model is warmed when it has what it needs."""
        self._last_request = time.monotonic()
        self._asked.set()

    def start_warming(self) -> None:
        """Loads the default model in the background where its weights are at hand, so that the first box need not wait."""
        info = catalog().get(self.default)
        at_hand = info is not None and (info.shipped or self._chosen is not None)
        if self.enabled and at_hand:
            Thread(target=self._warm, name="warming", daemon=True).start()

    def close(self) -> None:
        """Lets go of the models."""
        self._closed.set()
        self._asked.set()
        with self._lock:
            for slot in self._slots.values():
                slot.close()
            self._slots.clear()

    def _warm(self) -> None:
        self._asked.wait(_NOBODY)
        while not self._closed.is_set():
            quiet = time.monotonic() - self._last_request
            if quiet >= _QUIET:
                break
            self._closed.wait(_QUIET - quiet)
        else:
            return
        # Whatever goes wrong is said to whoever asks for the model.
        self._slot(self.default).ask(_try_out)

    def _slot(self, name: str) -> _Slot:
        if not self.enabled:
            raise ModelUnavailable("this server was started without a model (labeltool serve --no-model)")
        if name not in catalog():
            raise ModelError(f"model {name!r}: unknown, expected one of {', '.join(sorted(catalog()))}")
        with self._lock:
            slot = self._slots.get(name)
            if slot is None:
                slot = self._slots[name] = _Slot(name, lambda: self._load(name))
            self._slots.move_to_end(name)
            while len(self._slots) > MODELS_KEPT:
                self._slots.popitem(last=False)[1].close()
            return slot

    def _load(self, name: str) -> PoseModel:
        keep_freed_memory(FREED_BYTES)
        try:
            model = load_model(name, weights=self._weights if name == self.default else None, device=self._device)
        except ModelError as error:
            raise ModelUnavailable(str(error)) from None
        torch = sys.modules.get("torch")
        if torch is not None:
            # Half the cores stay free for the routes. It is also the steadier choice: threads that wait for each other at every
            # layer of a small network lose most of their time as soon as anything else runs on the machine.
            torch.set_num_threads(max((os.cpu_count() or 2) // 2, 1))
        return model


class PhotosInMemory:
    """Decoded photos, the ones used last: a second box on a photo does not decode it again. Any thread may use it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._photos: OrderedDict[tuple[Path, str], Photo] = OrderedDict()

    def get(self, path: Path) -> Photo:
        """The photo upright, (H, W, 3) bytes.

        Raises:
            PhotoError: it is missing or cannot be decoded.
        """
        key = (path, photo_tag(path))
        with self._lock:  # one photo is decoded at a time: two labellers rarely want one at once, and memory is finite
            photo = self._photos.get(key)
            if photo is None:
                photo = self._photos[key] = load_photo(path)
            self._photos.move_to_end(key)
            while len(self._photos) > 1 and sum(kept.nbytes for kept in self._photos.values()) > self._limit:
                self._photos.popitem(last=False)
            return photo


def _guess(model: PoseModel, photo: Photo, box: Box, skeleton: Skeleton) -> Guess:
    start = time.perf_counter()
    conversion = convert(model.skeleton, skeleton)
    if not conversion.pairs:
        raise ModelError(f"model {model.name!r}: knows no joint of {skeleton.name}, expected some in common")
    given = np.array([box], dtype=np.float64)
    if model.detects:
        poses = model.predict([photo], [None])[0]
        row = _best_match(model.name, poses, box)
    else:
        poses = model.predict([photo], [given])[0]
        row = 0
    person = predicted_person(poses, row, conversion)
    return Guess(model.name, model.version, model.weights_hash, person, time.perf_counter() - start)


def _best_match(name: str, poses: Poses, box: Box) -> int:
    overlap = box_iou(poses.boxes, [box])[:, 0] if len(poses) else np.zeros(1)
    if overlap.max() < SAME_PERSON_IOU:
        raise NobodyInBox(f"model {name!r}: sees nobody in this box, expected an overlap of {SAME_PERSON_IOU} or more")
    return int(overlap.argmax())


def _try_out(model: PoseModel) -> None:
    """One answer about a grey photo: what torch sets up at the first call is then there."""
    model.predict([np.full((256, 256, 3), 127, dtype=np.uint8)], [np.array([[64.0, 32.0, 128.0, 192.0]])])
