"""A report as files: made in memory, then written one by one, each whole or not at all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from labeltool import __version__
from labeltool.errors import AuditError
from labeltool.evaluate import Comparison, Study
from labeltool.evaluate.study import differences_json, study_json
from labeltool.files import atomic_write
from labeltool.report.gallery import MOST, make_gallery
from labeltool.report.page import report_page
from labeltool.report.svg import to_png
from labeltool.report.tables import (
    PDJ,
    comparison_frame,
    confusion_frame,
    distance_frame,
    error_frame,
    joint_frame,
    reliability_frame,
    study_frames,
)

#: The file that every report has, and by which a folder is known to be one.
NUMBERS = "audit.json"
_MARK = "labeltool audit report"


def report_files(
    study: Study, comparison: Comparison | None = None, *, most: int = MOST
) -> Iterator[tuple[str, bytes]]:
    """The files of a report, (path, content), audit.json first; the same input gives the same bytes.

    Plots need the extra `app`, Parquet needs pyarrow; without them these are left out.

    Args:
        study: the model that the report is about.
        comparison: it and another one; `study` is its first.
        most: pictures of each joint and each kind of error.
    """
    numbers: dict[str, Any] = {"kind": _MARK, "labeltool": __version__, **study_json(study)}
    if comparison is not None:
        numbers["versus"] = study_json(comparison.b)
        numbers["comparison"] = differences_json(comparison.differences)
    yield NUMBERS, (json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    frames = dict(study_frames(study))
    if comparison is not None:
        frames |= {f"versus_{name}": frame for name, frame in study_frames(comparison.b).items()}
        frames["comparison"] = comparison_frame(comparison)
    for name, frame in frames.items():
        yield f"tables/{name}.csv", frame.to_csv(index=False, lineterminator="\n").encode()
        parquet = _parquet(frame)
        if parquet is not None:
            yield f"tables/{name}.parquet", parquet
    plots = draw_plots(study, comparison)
    for name, svg in plots.items():
        yield f"plots/{name}.svg", svg.encode()
        yield f"plots/{name}.png", to_png(svg)
    gallery = make_gallery(study, most)
    for _, shown in gallery.pictures:
        for picture in shown:
            yield f"overlays/{picture.name}", picture.content
    yield "report.html", report_page(study, comparison, plots, gallery).encode()


def draw_plots(study: Study, comparison: Comparison | None) -> dict[str, str]:
    """The plots as SVG by name; none where the packages that draw are missing."""
    from labeltool.report.svg import can_draw, to_svg

    if not can_draw():
        return {}
    from labeltool.report import charts

    skeleton = study.subject.skeleton
    joints, reliability = joint_frame(study), reliability_frame(study)
    made: dict[str, Any] = {"joints-ks": charts.interval_chart(joints, skeleton, "ks", "mean ks")}
    if study.result.pdj.counted:
        made["joints-pdj"] = charts.interval_chart(joints, skeleton, "pdj", "PDJ@0.2")
        frame = charts.curve_frame(study.result.curve(), skeleton)
        made["pdj-curves"] = charts.pdj_chart(frame, still=True).properties(height=300)
    if study.result.diagnosis.kinds.any():
        made["errors"] = charts.error_chart(error_frame(study.result))
        made["confusion"] = charts.confusion_chart(confusion_frame(study), skeleton)
    if len(reliability):
        made["reliability"] = charts.reliability_chart(reliability)
    distances = distance_frame(study)
    if len(distances):
        made["distances"] = charts.distance_chart(distances)
    if comparison is not None:
        found = comparison_frame(comparison)
        for name, metric, text in (("difference-ks", "ks", "mean ks"), ("difference-pdj", PDJ, "PDJ@0.2")):
            rows_of = found[found["metric"] == metric]
            if rows_of["difference"].notna().any():
                made[name] = charts.difference_chart(rows_of, f"{comparison.a.title} − {comparison.b.title}, {text}")
    return {name: to_svg(chart.properties(width=400), name) for name, chart in made.items()}


def write_report(folder: Path, study: Study, comparison: Comparison | None = None, *, most: int = MOST) -> list[Path]:
    """Writes a report into a folder; files of an earlier report there go, anything else stands in the way.

    Raises:
        AuditError: the folder holds something that is no report.
        OSError: it cannot be written.
    """
    expect_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in report_files(study, comparison, most=most):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as file:
            file.write(content)
        written.append(path)
    for stale in _earlier(folder):
        if stale not in written:
            stale.unlink()
    return written


def expect_free(folder: Path) -> None:
    """Nothing, when a report may be written into a folder: it is not there, is empty, or holds a report.

    Raises:
        AuditError: it holds something else, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise AuditError(f"{folder}: a file, expected a folder for the report")
    if folder.is_dir() and any(folder.iterdir()) and not _is_report(folder):
        raise AuditError(f"{folder}: not empty and no report of labeltool, expected a new folder or an earlier report")


def missing_parts() -> list[str]:
    """A line for every part of a report that cannot be made here, with what would make it."""
    from labeltool.report.svg import can_draw

    lines = []
    if not can_draw():
        lines.append("no plots: they need altair and vl-convert-python (pip install 'labeltool[app]')")
    if find_spec("pyarrow") is None:
        lines.append("no Parquet tables: they need pyarrow (pip install 'labeltool[parquet]')")
    return lines


def report_zip(study: Study, comparison: Comparison | None = None, *, most: int = MOST) -> bytes:
    """The report as a zip file; the same input gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in report_files(study, comparison, most=most):
            # The date is part of the bytes, and says nothing.
            entry = zipfile.ZipInfo(f"report/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content)
    return out.getvalue()


def _is_report(folder: Path) -> bool:
    try:
        numbers: Mapping[str, Any] = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
        return numbers.get("kind") == _MARK
    except (OSError, ValueError, AttributeError):
        return False


def _earlier(folder: Path) -> Iterator[Path]:
    """The files of a report's own folders."""
    for name, suffixes in (("tables", (".csv", ".parquet")), ("plots", (".svg", ".png")), ("overlays", (".jpg",))):
        if (folder / name).is_dir():
            yield from (path for path in sorted((folder / name).iterdir()) if path.suffix in suffixes)


def _parquet(frame: pd.DataFrame) -> bytes | None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return None
    out = io.BytesIO()
    # The schema of pandas would write its version into the file.
    table = pyarrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()
