"""Every label format by name: what it is, whether it is read and written, and by which function.

A reader takes (path, folder of photos or None, skeleton asked for or None) and returns `Imported`; a writer takes (document,
path) and returns notes on what it could not hold. The modules are imported when they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.formats.imported import Imported
from labeltool.skeleton import Skeleton

Reader = Callable[[Path, Path | None, Skeleton | None], Imported]
Writer = Callable[[CocoDocument, Path], tuple[str, ...]]
Kind = Literal["file", "folder", "file or folder"]


@dataclass(frozen=True)
class Format:
    """A label format.

    Attributes:
        name: what `--from` and `--to` take.
        kind: whether it is a file or a folder.
        suffixes: the file name endings it is usually kept under.
        summary: what it is, in a line.
        reader: `module:function`, or None where it cannot be read.
        writer: `module:function`, or None where it cannot be written.
        needs_photos: whether it has no image sizes, so that the photos must be there to read it.
    """

    name: str
    kind: Kind
    suffixes: tuple[str, ...]
    summary: str
    reader: str | None
    writer: str | None
    needs_photos: bool = False

    def read(self, path: Path, images: Path | None = None, skeleton: Skeleton | None = None) -> Imported:
        """The labels of a file or folder as a document.

        Raises:
            FormatError: the format cannot be read, or the file is damaged.
            CocoError: a format that is a COCO file is damaged.
        """
        if self.reader is None:
            raise FormatError(f"{path}: {self.name} can be written only, expected one of {', '.join(readable())}")
        path = Path(path)
        if not path.exists():
            raise FormatError(f"{path}: no such file or folder")
        if path.is_dir() and self.kind == "file":
            raise FormatError(f"{path}: is a folder, expected a file of {self.name}")
        return cast(Reader, _load(self.reader))(path, images, skeleton)

    def write(self, document: CocoDocument, path: Path) -> tuple[str, ...]:
        """Writes a document; returns what the format could not hold, a line each.

        Raises:
            FormatError: the format cannot be written, or cannot hold this document at all.
            CocoError: the document is damaged.
        """
        if self.writer is None:
            raise FormatError(f"{path}: {self.name} can be read only, expected one of {', '.join(writable())}")
        return cast(Writer, _load(self.writer))(document, Path(path))


_ROOM = "labeltool.formats."

_TABLE = (
    Format("coco", "file", (".json",), "COCO keypoints; nothing is lost", "plain_coco:read", "plain_coco:write"),
    Format(
        "lsp",
        "file",
        (".mat",),
        "Leeds Sports Pose joints.mat (occluded flag), 14 joints",
        "plain_lsp:read",
        "lsp_export:write_lsp",
        needs_photos=True,
    ),
    Format(
        "lspet",
        "file",
        (".mat",),
        "Leeds Sports Pose extended joints.mat (labelled flag), 14 joints",
        "plain_lsp:read",
        "lsp_export:write_lspet",
        needs_photos=True,
    ),
    Format(
        "mpii", "file", (".mat",), "MPII Human Pose annolist, 16 joints", "mpii:read_mpii_mat", None, needs_photos=True
    ),
    Format(
        "mpii-json",
        "file",
        (".json",),
        "MPII Human Pose as a JSON list, 16 joints",
        "mpii:read_mpii_json",
        "mpii:write_mpii_json",
        needs_photos=True,
    ),
    Format(
        "coco-wholebody",
        "file",
        (".json",),
        "COCO-WholeBody, 133 joints",
        "wholebody:read_wholebody",
        "wholebody:write_wholebody",
    ),
    Format(
        "crowdpose", "file", (".json",), "CrowdPose, 14 joints", "crowdpose:read_crowdpose", "crowdpose:write_crowdpose"
    ),
    Format(
        "ai-challenger",
        "file",
        (".json",),
        "AI Challenger human keypoints, 14 joints",
        "ai_challenger:read_aic",
        "ai_challenger:write_aic",
        needs_photos=True,
    ),
    Format(
        "yolo-pose",
        "file or folder",
        (".yaml", ".yml"),
        "Ultralytics data.yaml with a label file a photo",
        "yolo_pose:read_yolo",
        "yolo_pose:write_yolo",
        needs_photos=True,
    ),
    Format("cvat", "file", (".xml",), "CVAT XML 1.1 for images, skeletons", "cvat:read_cvat", "cvat:write_cvat"),
    Format(
        "label-studio",
        "file",
        (".json",),
        "Label Studio tasks: keypoints and rectangles",
        "label_studio:read_label_studio",
        "label_studio:write_label_studio",
    ),
    Format(
        "darwin",
        "file or folder",
        (),
        "V7 Darwin JSON 2.0, a file an image",
        "darwin:read_darwin",
        "darwin:write_darwin",
    ),
    Format(
        "sleap",
        "file",
        (".slp",),
        "SLEAP labels of photos (needs sleap-io)",
        "sleap:read_sleap",
        "sleap:write_sleap",
    ),
    Format("csv", "file", (".csv",), "a table, one row a joint", "tables:read_csv", "tables:write_csv"),
    Format(
        "parquet",
        "file",
        (".parquet", ".pq"),
        "a table, one row a joint (needs pyarrow)",
        "tables:read_parquet",
        "tables:write_parquet",
    ),
)

#: The formats by name.
FORMATS: dict[str, Format] = {f.name: f for f in _TABLE}

# The one format that a suffix means unless another is named; `.mat` is LSP's or MPII's.
_BY_SUFFIX = {
    ".json": "coco",
    ".json.gz": "coco",
    ".xml": "cvat",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".yaml": "yolo-pose",
    ".yml": "yolo-pose",
    ".slp": "sleap",
}


def readable() -> list[str]:
    """The names of the formats that can be read."""
    return [f.name for f in FORMATS.values() if f.reader is not None]


def writable() -> list[str]:
    """The names of the formats that can be written."""
    return [f.name for f in FORMATS.values() if f.writer is not None]


def get_format(name: str) -> Format:
    """The format of that name.

    Raises:
        FormatError: there is none.
    """
    if name not in FORMATS:
        raise FormatError(f"format {name!r}: unknown, expected one of {', '.join(FORMATS)}")
    return FORMATS[name]


def guess_format(path: Path, option: str) -> Format:
    """The format that a path's name means: COCO for `.json`, YOLO-pose for a folder with data.yaml.

    Args:
        path: the file or folder, which need not be there.
        option: the option that names the format instead, for the message.

    Raises:
        FormatError: the name means none, or may mean several.
    """
    path = Path(path)
    name = path.name.lower()
    for suffix in sorted(_BY_SUFFIX, key=len, reverse=True):
        if name.endswith(suffix) and not path.is_dir():
            return FORMATS[_BY_SUFFIX[suffix]]
    if path.is_dir() and any((path / config).is_file() for config in ("data.yaml", "data.yml")):
        return FORMATS["yolo-pose"]
    fitting = [f.name for f in FORMATS.values() if any(name.endswith(s) for s in f.suffixes)] or list(FORMATS)
    raise FormatError(f"{path}: the format does not follow from the name, expected {option} {', '.join(fitting)}")


def _load(place: str) -> object:
    module, function = place.split(":")
    found: object = getattr(import_module(_ROOM + module), function)
    return found
