from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from study_samples import figures_project, guesses

from labeltool.audit import OVERALL
from labeltool.cli import main
from labeltool.errors import AuditError
from labeltool.evaluate import Choices, Comparison, compare_studies, read_project, study
from labeltool.evaluate.people import Case
from labeltool.report import report_files, report_zip, write_report
from labeltool.report import svg as svg_module
from labeltool.report.findings import findings, verdict
from labeltool.report.overlays import GREEN, RED, Artist

VOID = {"meta", "img", "br", "path", "rect", "line", "circle", "use", "stop"}


@pytest.fixture(scope="module")
def written(comparison: Comparison) -> dict[str, bytes]:
    return dict(report_files(comparison.a, comparison, most=2))


class Balance(HTMLParser):
    """Whether every tag is closed, and what the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
            self.open.pop()


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, comparison: Comparison, written: dict[str, bytes]) -> None:
    with figures_project(tmp_path) as project:
        choices = Choices(replicates=100)
        rough, fine = (study(one, choices) for one in read_project(project, ["rough", "fine"]))
        again = dict(report_files(rough, compare_studies(rough, fine), most=2))
    assert list(again) == list(written)
    assert [name for name in again if again[name] != written[name]] == []
    assert report_zip(rough, most=1) == report_zip(comparison.a, most=1)


def test_the_page_stands_alone(written: dict[str, bytes]) -> None:
    page = written["report.html"].decode()
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert parser.links and all(link.startswith(("data:", "#")) for link in parser.links)
    assert not re.search(r"<script|@import|url\(\s*['\"]?http", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "plots share no ids"
    for name in re.findall(r"url\(#([^)]+)\)", page):
        assert name in ids
    words = re.sub(r"data:[^\"]*", "", page)
    for text in ("Audit of rough@1 versus fine@1", "right ankle", "seed 0"):
        assert text in words
    assert not re.search(r"\b(nan|None|NaN|inf)\b", words)


def test_every_number_is_in_the_json(comparison: Comparison, written: dict[str, bytes]) -> None:
    data = json.loads(written["audit.json"])
    assert data["model"]["name"] == "rough" and data["versus"]["model"]["name"] == "fine"
    assert data["data"]["labels_sha256"] == data["versus"]["data"]["labels_sha256"]
    ks = {row["joint"]: row["value"] for row in data["intervals"] if row["metric"] == "ks"}
    assert ks == pytest.approx({row.joint: row.ks for row in comparison.a.result.joints} | {OVERALL: ks[OVERALL]})
    assert len(data["comparison"]) == len(comparison.differences)


def test_tables_are_the_same_as_csv_and_parquet(written: dict[str, bytes]) -> None:
    pytest.importorskip("pyarrow")
    names = [name.removesuffix(".csv") for name in written if name.endswith(".csv")]
    assert {"tables/joints", "tables/people", "tables/comparison", "tables/versus_joints"} <= set(names)
    for name in names:
        csv, parquet = (
            pd.read_csv(io.BytesIO(written[f"{name}.csv"])),
            pd.read_parquet(io.BytesIO(written[f"{name}.parquet"])),
        )
        assert list(csv.columns) == list(parquet.columns) and len(csv) == len(parquet) > 0
        for column in csv.select_dtypes("number"):
            assert np.allclose(csv[column], parquet[column], equal_nan=True, rtol=1e-12), (name, column)


def test_plots_are_there_as_lines_and_as_pixels(written: dict[str, bytes]) -> None:
    plots = sorted(name for name in written if name.endswith(".svg"))
    assert "plots/pdj-curves.svg" in plots
    for name in plots:
        width, height = (
            float(v) for v in re.findall(rb'<svg[^>]* width="([\d.]+)" height="([\d.]+)"', written[name])[0]
        )
        with Image.open(io.BytesIO(written[name.replace(".svg", ".png")])) as drawn:
            assert drawn.size == pytest.approx((2 * width, 2 * height), abs=2)
            assert len(drawn.convert("RGB").getcolors(1 << 20) or []) > 5


def test_a_folder_of_something_else_is_refused(tmp_path: Path, comparison: Comparison) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(AuditError, match="not empty and no report of labeltool"):
        write_report(tmp_path, comparison.a)
    with pytest.raises(AuditError, match="a file, expected a folder"):
        write_report(tmp_path / "thesis.txt", comparison.a)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_report_may_be_written_over(tmp_path: Path, comparison: Comparison) -> None:
    folder = tmp_path / "report"
    write_report(folder, comparison.a, comparison, most=2)
    (folder / "notes.txt").write_text("mine")
    assert (folder / "tables" / "comparison.csv").exists()
    paths = write_report(folder, comparison.a, most=1)
    assert not (folder / "tables" / "comparison.csv").exists()
    assert sorted(paths) == sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "notes.txt")
    assert (folder / "notes.txt").read_text() == "mine"


def test_the_zip_holds_the_report(comparison: Comparison) -> None:
    with zipfile.ZipFile(io.BytesIO(report_zip(comparison.a, most=1))) as file:
        assert file.testzip() is None
        assert "report/report.html" in file.namelist() and "report/audit.json" in file.namelist()


def test_labels_are_green_and_predictions_red(comparison: Comparison) -> None:
    one = comparison.a.subject
    row = int(comparison.a.people.oks.argmin())
    case = Case("person", row, int(comparison.a.people.speaks[row]), int(one.labels.image[row]), (), 0.0)
    content = Artist(one).picture(case, 600)
    assert content is not None
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "JPEG" and max(picture.size) == 600
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    for colour in (GREEN, RED):
        assert (np.abs(pixels - np.array(colour)).max(axis=2) < 45).sum() > 200
    # A joint of the label lies where the label says: green at its place, by the window that was cut out.
    nothing = Case("person", row, -1, int(one.labels.image[row]), (), 0.0)
    alone = Artist(one).picture(nothing, 600)
    assert alone is not None
    with Image.open(io.BytesIO(alone)) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    green = np.argwhere(np.abs(pixels - np.array(GREEN)).max(axis=2) < 45)
    truth = one.labels.xy[row][one.labels.labelled[row]]
    ratio = np.ptp(green[:, 1]) / np.ptp(green[:, 0])
    assert ratio == pytest.approx(np.ptp(truth[:, 0]) / np.ptp(truth[:, 1]), rel=0.1)


def test_what_is_not_labelled_is_not_drawn(comparison: Comparison) -> None:
    """A prediction far off at a joint without a label neither shows nor widens the picture."""
    one = comparison.a.subject
    row = int(comparison.a.people.oks.argmin())
    detection = int(comparison.a.people.speaks[row])
    joint = int(np.flatnonzero(one.labels.labelled[row])[0])
    v = one.labels.v.copy()
    v[row, joint] = 0
    without = replace(one, labels=replace(one.labels, v=v))
    xy = one.detections.xy.copy()
    xy[detection, joint] = 0
    far = replace(without, detections=replace(one.detections, xy=xy))
    case = Case("person", row, detection, int(one.labels.image[row]), (), 0.0)
    assert Artist(without).picture(case) == Artist(far).picture(case) != Artist(one).picture(case)


def test_without_photos_or_plots_there_is_still_a_report(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(svg_module, "can_draw", lambda: False)
    blind = replace(comparison.a.subject, photos=replace(comparison.a.subject.photos, find=lambda _image: None))
    files = dict(report_files(replace(comparison.a, subject=blind), most=2))
    assert not [name for name in files if name.startswith(("plots/", "overlays/"))]
    assert "the photos are not at hand" in files["report.html"].decode()
    assert "<svg" not in files["report.html"].decode()


def test_what_is_said_in_short_follows_from_the_numbers(comparison: Comparison) -> None:
    lines = verdict(comparison)
    assert "fine@1 is ahead on" in lines[1] and "left wrist" in lines[1]
    text = " ".join(findings(comparison.a))
    rows = comparison.a.result.joints
    worst = min(rows, key=lambda row: row.pdj)
    assert f"worst by PDJ@0.2: {worst.joint.replace('_', ' ')}, {worst.pdj:.3f}" in text


def test_joints_that_a_model_never_predicts_are_named_once_and_are_neither_worst_nor_missed_most(
    tmp_path: Path,
) -> None:
    never = ("neck", "head_top")
    with figures_project(tmp_path) as project:
        found = guesses(project, 0.06, 3)
        for people in found.values():
            for guess in people:
                for joint in never:
                    guess.joints.pop(joint, None)  # type: ignore[attr-defined]
        project.add_predictions("headless", "1", "c" * 64, found)
        lines = findings(study(read_project(project, ["headless"])[0], Choices(replicates=20)))
    assert lines[0].startswith(
        "Not predicted at all, and counted as missed in every number over all joints: neck, head top; "
    )
    assert not any("neck" in line or "head top" in line for line in lines[1:])


def test_the_command_writes_a_report_and_compares(
    tmp_path: Path, comparison: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    with figures_project(tmp_path) as project:
        path = str(project.path)
    status, out, _ = run("audit", path, "--model", "rough", "--versus", "fine", "--replicates", "50")
    assert status == 0 and "rough@1 versus fine@1" in out and "left_ankle" in out
    status, out, _ = run("audit", path, "--model", "rough", "--versus", "fine", "--replicates", "50", "--json")
    assert len(json.loads(out)["comparison"]) == len(comparison.differences)
    status, out, _ = run("audit", path, "--model", "rough", "--out", str(tmp_path / "r"), "--replicates", "50")
    assert status == 0 and "report.html" in out and (tmp_path / "r" / "report.html").is_file()
    status, _, err = run("audit", path, "--model", "rough", "--out", path)
    assert status == 1 and err.startswith("labeltool: ") and "no report of labeltool" in err
    assert run("audit", path, "--model", "rough", "--status", "ready")[0] == 2
    status, _, err = run("audit", path, "--model", "rough", "--status", "skipped")
    assert status == 1 and "no photo with status skipped" in err


def test_files_against_files(tmp_path: Path, comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    one = comparison.a.subject
    with figures_project(tmp_path) as project:
        (tmp_path / "truth.json").write_text(json.dumps(project.to_document()))
        root = project.config.image_root
    for name, subject in (("a.json", one), ("b.json", comparison.b.subject)):
        d = subject.detections
        xy = np.nan_to_num(d.xy)
        results = [
            {
                "image_id": int(d.image[i]),
                "category_id": 1,
                "score": float(d.score[i]),
                "keypoints": np.concatenate([xy[i], np.full((d.joints, 1), 0.5)], axis=1).ravel().tolist(),
            }
            for i in range(len(d))
        ]
        (tmp_path / name).write_text(json.dumps(results))
    arguments = ["audit", "--truth", str(tmp_path / "truth.json"), "--predictions", str(tmp_path / "a.json")]
    arguments += ["--versus-predictions", str(tmp_path / "b.json"), "--images", str(root), "--replicates", "50"]
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--out", str(tmp_path / "r")])
    assert not stop.value.code, capsys.readouterr().err
    data = json.loads((tmp_path / "r" / "audit.json").read_text())
    assert data["model"]["name"] == "a.json" and data["versus"]["model"]["name"] == "b.json"
    assert list((tmp_path / "r" / "overlays").iterdir())
