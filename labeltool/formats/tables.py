"""CSV and Parquet: one row a joint, the table a pandas user wants.

    image_id file_name width height annotation_id category iscrowd bbox_x bbox_y bbox_w bbox_h area joint x y v

Rows of one annotation stand together, in the skeleton's order; a joint that is not labelled has v = 0 and no x and y. Ids, areas,
crowds and coordinates come back exactly. Parquet needs pyarrow (`pip install 'labeltool[parquet]'`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.derive import BOX_AREA_FACTOR, FROM_BOX
from labeltool.coco.document import CocoDocument
from labeltool.coco.show import show
from labeltool.errors import FormatError
from labeltool.files import atomic_write
from labeltool.formats.building import named_skeleton
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import Crew, Person, people_of
from labeltool.skeleton import Skeleton

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("image_id", "width", "height", "annotation_id", "iscrowd", "v")
_TEXT = ("file_name", "category", "joint")

_MAY_BE_EMPTY = ("area", "x", "y")

#: The columns, in order.
COLUMNS = (
    "image_id",
    "file_name",
    "width",
    "height",
    "annotation_id",
    "category",
    "iscrowd",
    "bbox_x",
    "bbox_y",
    "bbox_w",
    "bbox_h",
    "area",
    "joint",
    "x",
    "y",
    "v",
)


def to_table(document: CocoDocument, ledger: Ledger) -> pd.DataFrame:
    """The people of a document as a table of `COLUMNS`, a row a joint; what it does not hold goes into the ledger.

    Raises:
        CocoError: the document's ids, references or keypoints are damaged.
    """
    import pandas as pd

    crew = people_of(document, ledger, crowds=True, area=True, ids=True)
    _note_rest(crew, ledger)
    people = [(photo, person) for photo in crew.photos for person in photo.people]
    count = len(crew.skeleton)
    flat = np.array([person.keypoints for _, person in people], dtype=np.float64).reshape(len(people) * count, 3)
    v = flat[:, 2].astype(np.int8)
    flat[v == 0, :2] = np.nan
    boxes = np.array([person.box for _, person in people], dtype=np.float64).reshape(-1, 4)
    images: NDArray[Any] = np.repeat([n for n, photo in enumerate(crew.photos) for _ in photo.people], count)
    rows = [photo.image for photo in crew.photos]
    names = [row["file_name"] for row in rows]
    columns: dict[str, Any] = {
        "image_id": np.array([row["id"] for row in rows], dtype=np.int64)[images.astype(np.intp)],
        "file_name": _categorical(images, names),
        "width": np.array([row["width"] for row in rows], dtype=np.int64)[images.astype(np.intp)],
        "height": np.array([row["height"] for row in rows], dtype=np.int64)[images.astype(np.intp)],
        "annotation_id": np.repeat(np.array([p.id for _, p in people], dtype=np.int64), count),
        "category": _categorical(np.zeros(len(flat), dtype=np.int64), [crew.category]),
        "iscrowd": np.repeat(np.array([p.crowd for _, p in people], dtype=np.int8), count),
        **{f"bbox_{side}": np.repeat(boxes[:, k], count) for k, side in enumerate("xywh")},
        "area": np.repeat(np.array([_area(p) for _, p in people], dtype=np.float64), count),
        "joint": _categorical(np.tile(np.arange(count), len(people)), list(crew.skeleton.joints)),
        "x": flat[:, 0],
        "y": flat[:, 1],
        "v": v,
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def from_table(table: pd.DataFrame, source: Path, skeleton: Skeleton | None = None) -> CocoDocument:
    """The document that a table of `COLUMNS` describes.

    Raises:
        FormatError: a column is missing or holds something else, or rows of one annotation or image do not agree.
    """
    columns = _columns(table, source)
    joints = list(dict.fromkeys(columns["joint"].tolist()))
    if not joints:
        raise FormatError(f"{source}: no rows, expected one a joint")
    own = named_skeleton(joints, [], skeleton, source)
    return _document(columns, own, source)


def write_csv(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes the table as CSV (UTF-8, comma, a header line); returns what it cannot hold."""
    ledger = Ledger()
    table = to_table(document, ledger)
    try:
        with atomic_write(Path(out)) as file:
            table.to_csv(file, index=False, lineterminator="\n")
    except OSError as error:
        raise FormatError(f"{out}: cannot be written: {error.strerror or error}") from None
    return ledger.notes()


def read_csv(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A CSV table as a document.

    Raises:
        FormatError: the file is no such table.
    """
    import pandas as pd

    path = Path(path)
    try:
        # as text: numbers are read exactly, and what is none is shown as it stands
        table = pd.read_csv(path, dtype="str", keep_default_na=False, na_filter=False)
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror or error}") from None
    except (ValueError, UnicodeDecodeError, OverflowError) as error:
        raise FormatError(f"{path}: not a CSV table: {' '.join(str(error).split())}") from None
    return _imported(table, path, images, skeleton)


def write_parquet(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes the table as Parquet; returns what it cannot hold.

    Raises:
        FormatError: pyarrow is not installed, or the file cannot be written.
    """
    _need_pyarrow()
    ledger = Ledger()
    table = to_table(document, ledger)
    try:
        with atomic_write(Path(out)) as file:
            table.to_parquet(file, index=False, engine="pyarrow")
    except OSError as error:
        raise FormatError(f"{out}: cannot be written: {error.strerror or error}") from None
    return ledger.notes()


def read_parquet(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A Parquet table as a document.

    Raises:
        FormatError: pyarrow is not installed, or the file is no such table.
    """
    _need_pyarrow()
    import pandas as pd
    import pyarrow as pa

    path = Path(path)
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except (pa.ArrowException, ValueError) as error:
        raise FormatError(f"{path}: not a Parquet table: {' '.join(str(error).split())[:200]}") from None
    except OSError as error:
        raise FormatError(f"{path}: {' '.join((error.strerror or str(error)).split())[:200]}") from None
    return _imported(table, path, images, skeleton)


def _imported(table: pd.DataFrame, path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    from labeltool.skeleton import from_category

    document = from_table(table, path, skeleton)
    own = from_category(document.categories[0])
    return Imported(document, images or path.parent, own if skeleton is None else skeleton, (), {})


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise FormatError("Parquet needs pyarrow, which is not installed: pip install 'labeltool[parquet]'") from None


def _note_rest(crew: Crew, ledger: Ledger) -> None:
    from labeltool.skeleton import BUILT_IN

    for photo in crew.photos:
        if not photo.people:
            ledger.add("{n} image{s} without people have no rows", photo.name)
    known = [s for s in BUILT_IN.values() if s.joints == crew.skeleton.joints]
    if crew.skeleton.limbs and not any(set(s.limbs) == set(crew.skeleton.limbs) for s in known):
        ledger.say("limbs were left out")


def _area(person: Person) -> float:
    area = person.annotation.get("area")
    if isinstance(area, int | float) and not isinstance(area, bool):
        return float(area)
    return float("nan")


def _categorical(codes: NDArray[Any], names: list[str]) -> Any:
    """A column of repeated texts as codes, which keeps memory and files small."""
    import pandas as pd

    unique = list(dict.fromkeys(names))
    if len(unique) != len(names):
        place = {name: n for n, name in enumerate(unique)}
        codes = np.array([place[name] for name in names], dtype=np.int64)[codes.astype(np.intp)]
    return pd.Categorical.from_codes(codes.astype(np.intp), categories=pd.Index(unique))


def _columns(table: pd.DataFrame, source: Path) -> dict[str, NDArray[Any]]:
    """The columns as arrays of int64, float64 or str, checked."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise FormatError(f"{source}: no column {missing[0]!r}, expected {', '.join(COLUMNS)}")
    columns: dict[str, NDArray[Any]] = {}
    for name in COLUMNS:
        values = table[name]
        if name in _TEXT:
            texts = values.astype(object).to_numpy()
            wrong = [n for n, value in enumerate(texts) if not isinstance(value, str) or not value]
            if wrong:
                raise FormatError(f"{source}: row {wrong[0] + 1}: {name} is {show(texts[wrong[0]])}, expected a text")
            columns[name] = texts
            continue
        columns[name] = _numeric(values, name, source)
    return columns


def _numeric(values: Any, name: str, source: Path) -> NDArray[Any]:
    whole = name in _WHOLE
    if whole and values.dtype.kind in "iu":
        integers: NDArray[Any] = values.to_numpy(dtype=np.int64)
        return integers
    if values.dtype.kind not in "iuf":
        return _parsed(values, name, source)
    numbers: NDArray[Any] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    good = np.isfinite(numbers)
    if whole:
        good &= (np.abs(np.where(good, numbers, 0)) < 2**53) & (np.where(good, numbers, 0.5) % 1 == 0)
    if name in _MAY_BE_EMPTY:
        good |= np.isnan(numbers)
    if not good.all():
        n = int(np.flatnonzero(~good)[0])
        raise _wrong(source, n, name, f"{numbers[n]:g}", whole)
    return numbers.astype(np.int64) if whole else numbers


def _parsed(values: Any, name: str, source: Path) -> NDArray[Any]:
    """A column of texts as numbers; each different text is parsed once."""
    import pandas as pd

    codes, texts = pd.factorize(values.astype(object), use_na_sentinel=False)
    whole = name in _WHOLE
    numbers = np.zeros(len(texts), dtype=np.int64 if whole else np.float64)
    for n, value in enumerate(texts):
        try:
            numbers[n] = _parse(value, whole, name in _MAY_BE_EMPTY)
        except (ValueError, TypeError, OverflowError):
            raise _wrong(source, int(np.flatnonzero(codes == n)[0]), name, show(value), whole) from None
    return numbers[codes]


def _parse(value: Any, whole: bool, may_be_empty: bool) -> int | float:
    if may_be_empty and (value is None or value == "" or value != value):
        return float("nan")
    if whole and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    number = float(value)
    if not np.isfinite(number) or (whole and (number != int(number) or abs(number) >= 2**53)):
        raise ValueError
    return int(number) if whole else number


def _wrong(source: Path, row: int, name: str, value: str, whole: bool) -> FormatError:
    what = "a whole number" if whole else "a finite number"
    return FormatError(f"{source}: row {row + 1}: {name} is {value}, expected {what}")


def _document(columns: dict[str, NDArray[Any]], skeleton: Skeleton, source: Path) -> CocoDocument:
    ids, first, inverse = np.unique(columns["annotation_id"], return_index=True, return_inverse=True)
    count = len(skeleton)
    places = {joint: k for k, joint in enumerate(skeleton.joints)}
    joint = np.array([places[name] for name in columns["joint"]], dtype=np.int64)
    cell = inverse * count + joint
    if len(np.unique(cell)) != len(cell):
        n = int(np.setdiff1d(np.arange(len(cell)), np.unique(cell, return_index=True)[1])[0])
        raise FormatError(
            f"{source}: row {n + 1}: annotation {columns['annotation_id'][n]} has {columns['joint'][n]!r} twice, expected once"
        )
    _check_agreement(columns, first, inverse, source)
    keypoints = np.zeros((len(ids) * count, 3))
    v = columns["v"]
    if not np.isin(v, (0, 1, 2)).all():
        n = int(np.flatnonzero(~np.isin(v, (0, 1, 2)))[0])
        raise FormatError(f"{source}: row {n + 1}: v is {v[n]}, expected 0, 1 or 2")
    for k, axis in enumerate("xy"):
        values = np.where(v > 0, columns[axis], 0.0)
        if np.isnan(values).any():
            raise FormatError(
                f"{source}: row {int(np.flatnonzero(np.isnan(values))[0]) + 1}: v is not 0, but {axis} is empty"
            )
        keypoints[cell, k] = values
    keypoints[cell, 2] = v
    order = np.argsort(first, kind="stable")
    flat = keypoints.reshape(len(ids), 3 * count).tolist()
    annotations = [_annotation(columns, int(first[n]), int(ids[n]), flat[n]) for n in order.tolist()]
    data = {
        "images": _images(columns, source),
        "annotations": annotations,
        "categories": [skeleton.to_category(name=str(columns["category"][0]))],
    }
    return CocoDocument(data, str(source))


def _annotation(columns: dict[str, NDArray[Any]], row: int, number: int, flat: list[float]) -> dict[str, Any]:
    keypoints = [int(value) if value == int(value) else value for value in flat]
    box = [float(columns[f"bbox_{side}"][row]) for side in "xywh"]
    area = float(columns["area"][row])
    derived = BOX_AREA_FACTOR * (box[2] * box[3])
    annotation: dict[str, Any] = {
        "id": number,
        "image_id": int(columns["image_id"][row]),
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": sum(1 for v in keypoints[2::3] if v > 0),
        "bbox": box,
        "area": derived if np.isnan(area) else area,
        "iscrowd": int(columns["iscrowd"][row]),
        "segmentation": [],
    }
    if annotation["area"] == derived:
        annotation["area_source"] = FROM_BOX
    return annotation


def _check_agreement(
    columns: dict[str, NDArray[Any]], first: NDArray[Any], inverse: NDArray[Any], source: Path
) -> None:
    """Rows of one annotation must say the same of everything but the joint."""
    for name in ("image_id", "category", "iscrowd", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "area"):
        values = columns[name]
        wrong = np.flatnonzero(values != values[first][inverse])
        if name == "area":
            wrong = wrong[~np.isnan(values[wrong].astype(float))]
        if len(wrong):
            n = int(wrong[0])
            raise FormatError(
                f"{source}: row {n + 1}: {name} is {values[n]}, other rows of annotation "
                f"{columns['annotation_id'][n]} say {values[first][inverse][n]}"
            )
    if len(set(columns["category"].tolist())) > 1:
        raise FormatError(
            f"{source}: several categories ({', '.join(sorted(set(columns['category'].tolist())))}), expected one"
        )


def _images(columns: dict[str, NDArray[Any]], source: Path) -> list[dict[str, Any]]:
    _, first, inverse = np.unique(columns["image_id"], return_index=True, return_inverse=True)
    for name in ("file_name", "width", "height"):
        values = columns[name]
        wrong = np.flatnonzero(values != values[first][inverse])
        if len(wrong):
            n = int(wrong[0])
            raise FormatError(
                f"{source}: row {n + 1}: {name} is {values[n]}, other rows of image {columns['image_id'][n]} say "
                f"{values[first][inverse][n]}"
            )
    rows = first[np.argsort(first, kind="stable")].tolist()
    return [
        {
            "id": int(columns["image_id"][n]),
            "file_name": str(columns["file_name"][n]),
            "width": int(columns["width"][n]),
            "height": int(columns["height"][n]),
        }
        for n in rows
    ]
