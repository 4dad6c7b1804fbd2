"""The models by name: those shipped here and those that installed packages add. Knows them without loading torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from labeltool.errors import ModelError
from labeltool.models.base import PoseModel

#: The entry point group under which a package offers a `ModelInfo`.
ENTRY_POINTS = "labeltool.models"


@dataclass(frozen=True)
class Figure:
    """One figure of a model's worth.

    Attributes:
        measure: what was measured, `PDJ@0.2`, `AP`.
        value: a share in 0..1.
        data: the labelled people it was measured on, none of whom the model was trained on.
    """

    measure: str
    value: float
    data: str


@dataclass(frozen=True)
class ModelInfo:
    """What the catalog knows of a model before it is loaded.

    Attributes:
        name: what `--model` takes.
        summary: one line.
        skeleton: the name of the skeleton it predicts.
        detects: True when it finds people by itself.
        licence: of the code and of the weights.
        shipped: True when its weights come with the package.
        load: `load(weights: Path | None, device: str)` gives the model; raises ModelError.
        source: the package that offers it.
        size: bytes of its weights file, shipped or downloaded; None where it is not known, as of weights of your own.
        figures: what it is worth; empty where nothing was measured.
        speed: a measured figure of its speed and what it was measured against or on; None where there is none.
    """

    name: str
    summary: str
    skeleton: str
    detects: bool
    licence: str
    shipped: bool
    load: Callable[[Path | None, str], PoseModel]
    source: str = "labeltool"
    size: int | None = None
    figures: tuple[Figure, ...] = ()
    speed: str | None = None


def _from(module: str, function: str = "load") -> Callable[[Path | None, str], PoseModel]:
    """A loader that imports its module, and torch with it, only when called."""

    def load(weights: Path | None, device: str) -> PoseModel:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ModelError(
                f"models need the package {error.name!r}, which is not installed: pip install 'labeltool[models]'"
            ) from None
        model: PoseModel = getattr(found, function)(weights, device)
        return model

    return load


def _measured(pdj: float, pcp: float, rendered_pdj: float, rendered_pcp: float) -> tuple[Figure, ...]:
    """PDJ@0.2 and PCP@0.5 as `benchmarks/lspet.py` prints them, without and with `--rendered`."""
    photos, rendered = "500 people of LSP-extended, im08501..im09000", "2,992 rendered figures of ten unseen seeds"
    return (
        Figure("PDJ@0.2", pdj, photos),
        Figure("PCP@0.5", pcp, photos),
        Figure("PDJ@0.2", rendered_pdj, rendered),
        Figure("PCP@0.5", rendered_pcp, rendered),
    )


#: The sizes, figures and speeds below are those of the files and of the pages in docs/: a test holds them together.
_OWN = (
    ModelInfo(
        name="deeppose",
        summary="direct regression of the joints from a person's box, refined in two stages (Toshev & Szegedy 2014); shipped",
        skeleton="lsp-14",
        detects=False,
        licence="Apache-2.0; trained on LSP-extended (research use) and rendered figures",
        shipped=True,
        load=_from("labeltool.models.deeppose"),
        size=10_791_384,
        figures=_measured(0.591, 0.665, 0.730, 0.766),
    ),
    ModelInfo(
        name="heatmap",
        summary="a map of places for each joint of a person's box; the best of those shipped, and the default",
        skeleton="lsp-14",
        detects=False,
        licence="Apache-2.0; trained on LSP-extended (research use) and rendered figures",
        shipped=True,
        load=_from("labeltool.models.heatmap"),
        size=21_101_996,
        figures=_measured(0.749, 0.800, 0.956, 0.957),
        speed="42 ms a box asked of the label server, warm, on two cores of an AMD EPYC with bfloat16",
    ),
    ModelInfo(
        name="heatmap-flip",
        summary="heatmap that looks at each person mirrored and turned upright as well, at twice the time",
        skeleton="lsp-14",
        detects=False,
        licence="Apache-2.0; trained on LSP-extended (research use) and rendered figures",
        shipped=True,
        load=_from("labeltool.models.heatmap", "load_looking_twice"),
        size=21_101_996,
        figures=_measured(0.758, 0.809, 0.962, 0.964),
    ),
    ModelInfo(
        name="bottom-up",
        summary="all joints of a photo at once, then grouped into people; weights of your own (labeltool train bottom-up)",
        skeleton="as trained",
        detects=True,
        licence="Apache-2.0",
        shipped=False,
        load=_from("labeltool.models.bottom_up"),
        speed="1.1 times as fast as a detector and heatmap on photos of one person, 3.9 times on photos of ten",
    ),
    ModelInfo(
        name="mask-rcnn",
        summary="detection, masks and joints in one model; weights of your own (labeltool train mask-rcnn)",
        skeleton="as trained",
        detects=True,
        licence="Apache-2.0",
        shipped=False,
        load=_from("labeltool.models.mask_rcnn"),
    ),
    ModelInfo(
        name="keypoint-rcnn",
        summary="people and joints in one model (He et al. 2017): torchvision keypointrcnn_resnet50_fpn, COCO_V1",
        skeleton="coco-17",
        detects=True,
        licence="BSD-3-Clause; weights trained on COCO",
        shipped=False,
        load=_from("labeltool.models.keypoint_rcnn"),
        size=237_034_799,
        speed="2.1 times as fast as torchvision's own in float32, on a processor without bfloat16",
    ),
    ModelInfo(
        name="vitpose",
        summary="ViTPose (Xu et al. 2022) by transformers: pip install 'labeltool[vitpose]'; weights downloaded, or a folder",
        skeleton="coco-17",
        detects=False,
        licence="Apache-2.0; weights trained on COCO",
        shipped=False,
        load=_from("labeltool.models.vitpose"),
    ),
    ModelInfo(
        name="rtmpose",
        summary="RTMPose (Jiang et al. 2023) by onnxruntime: pip install 'labeltool[rtmpose]'; --weights FILE.onnx",
        skeleton="coco-17",
        detects=False,
        licence="Apache-2.0; weights as their file says",
        shipped=False,
        load=_from("labeltool.models.rtmpose"),
    ),
    ModelInfo(
        name="blazepose",
        summary="MediaPipe's BlazePose (2020) by LiteRT: pip install 'labeltool[blazepose]'; weights downloaded, or a .tflite",
        skeleton="coco-17",
        detects=False,
        licence="Apache-2.0",
        shipped=False,
        load=_from("labeltool.models.blazepose"),
        size=27_709_200,
    ),
)


#: The model that pre-fills where none is named.
_DEFAULT = "heatmap"


def default_model() -> str:
    """The name of the model that pre-fills where none is named: the best of those whose weights come with the package."""
    return _DEFAULT


def catalog() -> Mapping[str, ModelInfo]:
    """All models by name, labeltool's own first; an entry point that cannot be used is left out (see `broken_offers`)."""
    return _scan()[0]


def broken_offers() -> tuple[str, ...]:
    """A line for each entry point that offers no usable model, or one whose name is taken."""
    return _scan()[1]


def load_model(name: str, *, weights: Path | None = None, device: str = "auto") -> PoseModel:
    """The model of that name, ready to predict.

    Raises:
        ModelError: the name is unknown, or the model cannot be loaded.
    """
    models = catalog()
    if name not in models:
        broken = "".join(f"; {line}" for line in broken_offers())
        raise ModelError(f"model {name!r}: unknown, expected one of {', '.join(sorted(models))}{broken}")
    return models[name].load(weights, device)


@cache
def _scan() -> tuple[Mapping[str, ModelInfo], tuple[str, ...]]:
    models = {info.name: info for info in _OWN}
    broken = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            info = _offered(entry)
            if info.name in models:
                raise ModelError(f"{_name(entry)}: model {info.name!r} exists already, expected another name")
            models[info.name] = info
        except ModelError as error:
            broken.append(str(error))
    return models, tuple(broken)


def _name(entry: EntryPoint) -> str:
    return f"entry point {entry.name!r} of {entry.dist.name if entry.dist else 'an unknown package'}"


def _offered(entry: EntryPoint) -> ModelInfo:
    where = _name(entry)
    try:
        info = entry.load()
    except Exception as error:
        raise ModelError(f"{where}: cannot be imported: {error}") from None
    if not isinstance(info, ModelInfo):
        raise ModelError(f"{where}: {type(info).__name__}, expected a labeltool.models.catalog.ModelInfo")
    return info
