"""import(export(x)) == x on what each format can hold, and import(export(.)) settles after one pass on whatever it is given."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from format_documents import documents, photos, wild_documents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeltool.coco.check import check_document
from labeltool.coco.document import CocoDocument, read_document
from labeltool.errors import FormatError
from labeltool.formats.ai_challenger import AIC_14
from labeltool.formats.crowdpose import CROWDPOSE_14
from labeltool.formats.imported import Imported
from labeltool.formats.lsp import read_lsp
from labeltool.formats.registry import FORMATS, get_format, writable
from labeltool.formats.wholebody import WHOLEBODY_133
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, Skeleton, define

TAILS = define("dog", ("nose", "left_paw", "right_paw", "tail tip"), (("nose", "tail tip"),))
NAMES = ("a.jpg", "b.jpg", "sub/c d.jpg")
NUMBERED = ("im00001.jpg", "im00002.jpg", "im00003.jpg")


@dataclass(frozen=True)
class Case:
    """What a format can hold."""

    name: str
    skeleton: Skeleton = COCO_17
    names: Sequence[str] = NAMES
    flags: Sequence[int] = (0, 1, 2)
    counts: tuple[int, int] = (0, 3)
    tight: bool = False
    ask: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("coco"),
    Case("lsp", LSP_14, NUMBERED, (1, 2), (1, 1), tight=True),
    Case("lspet", LSP_14, NUMBERED, (0, 2), (1, 1), tight=True),
    Case("mpii-json", MPII_16, NAMES, (0, 2), (1, 3), tight=True, extra={"center": [3.5, 4], "scale": 0.75}),
    Case("coco-wholebody", WHOLEBODY_133),
    Case("crowdpose", CROWDPOSE_14),
    Case("ai-challenger", AIC_14),
    Case("yolo-pose"),
    Case("yolo-pose", TAILS),
    Case("cvat"),
    Case("cvat", TAILS),
    Case("label-studio", ask=True),
    Case("label-studio", TAILS, ask=True),
    Case("darwin", ask=True),
    Case("darwin", TAILS, ask=True),
    Case("sleap"),
    Case("sleap", TAILS),
    Case("csv", counts=(1, 3)),
    Case("csv", TAILS, counts=(1, 3), ask=True),
    Case("parquet", counts=(1, 3)),
)

slow_ok = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def cycle(
    name: str, document: CocoDocument, folder: Path, skeleton: Skeleton | None
) -> tuple[Imported, tuple[str, ...]]:
    """Writes and reads a document in a format; its photos lie in `folder`/images."""
    out = Path(tempfile.mkdtemp(dir=folder)) / "out"
    before = copy.deepcopy(document.data)
    notes = get_format(name).write(document, out)
    assert document.data == before
    return get_format(name).read(out, folder / "images", skeleton), notes


def test_every_format_that_is_written_is_tested_here() -> None:
    assert {case.name for case in CASES} == set(writable())


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.name}-{c.skeleton.name}")
def test_what_a_format_holds_comes_back_equal(case: Case, tmp_path: Path) -> None:
    photos(tmp_path / "images", case.names)

    @slow_ok
    @given(documents(case.skeleton, names=case.names, flags=case.flags, counts=case.counts, tight=case.tight))
    def holds(document: CocoDocument) -> None:
        for annotation in document.annotations:
            annotation.update(case.extra)
        needs_all = case.name in ("lsp", "lspet", "yolo-pose") and len(document.images) < len(case.names)
        if needs_all or (case.ask and case.skeleton is TAILS and not document.annotations):
            return
        imported, _ = cycle(case.name, document, tmp_path, case.skeleton if case.ask else None)
        back = imported.document.data
        assert back["images"] == document.images
        assert [strip(a) for a in back["annotations"]] == [strip(a) for a in document.annotations]
        assert back["categories"][0]["keypoints"] == list(case.skeleton.joints)
        assert imported.skeleton.joints == case.skeleton.joints
        assert imported.problems == {}

    holds()


def strip(annotation: dict[str, Any]) -> dict[str, Any]:
    """An annotation without what an exporter adds of its own."""
    added = ("center", "scale", "face_box", "lefthand_box", "righthand_box")
    return {k: v for k, v in annotation.items() if k not in added and not k.endswith("_valid")}


@pytest.mark.parametrize("name", [f.name for f in FORMATS.values() if f.writer and f.name not in ("lsp", "lspet")])
def test_whatever_is_lost_is_lost_once_and_said(name: str, tmp_path: Path) -> None:
    photos(tmp_path / "images", NAMES)

    @slow_ok
    @given(wild_documents(COCO_17), st.booleans())
    def settles(document: CocoDocument, ask: bool) -> None:
        own = {
            "mpii-json": MPII_16,
            "coco-wholebody": WHOLEBODY_133,
            "crowdpose": CROWDPOSE_14,
            "ai-challenger": AIC_14,
        }
        skeleton = own.get(name, COCO_17) if ask or name in ("darwin", "label-studio", "csv", "parquet") else None
        try:
            first, notes = cycle(name, document, tmp_path, skeleton)
        except FormatError as error:
            assert any(words in str(error) for words in ("no rows", "no skeleton here"))
            return
        if name != "coco":
            assert len(set(notes)) == len(notes)
            assert all("\n" not in line for line in notes)
        if name not in ("coco", "coco-wholebody"):
            assert any("'info'" in line for line in notes)
            said = " ".join(notes)
            assert ("crowd" in said) >= any(
                a.get("iscrowd") for a in document.annotations if name not in ("csv", "parquet", "crowdpose")
            )
            assert ("other categories" in said) == any(a["category_id"] == 18 for a in document.annotations)
        try:
            second, again = cycle(name, first.document, tmp_path, skeleton)
        except FormatError:
            assert not first.document.annotations
            return
        assert second.document.data == first.document.data
        assert not any("outside" in line or "beyond" in line for line in again) or name != "yolo-pose"

    settles()


@pytest.mark.parametrize("name", [name for name in writable() if name not in ("lsp", "lspet")])
def test_real_people_keep_their_joints(name: str, coco_mini: Path, tmp_path: Path) -> None:
    source = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    out = tmp_path / "out"
    fixed = {"mpii-json": MPII_16, "crowdpose": CROWDPOSE_14, "ai-challenger": AIC_14, "coco-wholebody": WHOLEBODY_133}
    skeleton = fixed.get(name, COCO_17)
    get_format(name).write(source, out)
    imported = get_format(name).read(out, coco_mini / "images", None if name in fixed else skeleton)
    shared = [j for j in COCO_17.joints if j in skeleton.joints]
    assert labelled(imported.document, shared, name == "mpii-json") == labelled(source, shared, name == "mpii-json")
    findings = [f.code for f in check_document(imported.document) if f.severity == "error"]
    # the box of one joint is a pixel wide, and MPII has no other
    assert findings == (["B405"] if name == "mpii-json" else [])


def labelled(document: CocoDocument, joints: Sequence[str], flat: bool) -> list[Any]:
    """Every labelled joint of everyone that is no crowd, as (photo, joint, x, y, v) in order."""
    names = {image["id"]: image["file_name"] for image in document.images}
    order = document.keypoint_categories()[0]["keypoints"]
    found = []
    for annotation in document.annotations:
        for k, joint in enumerate(order):
            x, y, v = annotation["keypoints"][3 * k : 3 * k + 3]
            if v and joint in joints:
                found.append((names[annotation["image_id"]], joint, x, y, 2 if flat else v))
    return sorted(found)


@pytest.mark.parametrize("name", ["lspet", "csv", "parquet", "cvat", "ai-challenger", "label-studio", "mpii-json"])
def test_people_of_lspet_keep_their_joints(name: str, lspet: Path, tmp_path: Path) -> None:
    whole = read_lsp(lspet / "images", lspet / "joints.mat").document
    count = 60
    data = whole.data | {"images": whole.images[:count], "annotations": whole.annotations[:count]}
    source = CocoDocument(data, "lspet")
    folder = tmp_path / "photos"
    folder.mkdir()
    for image in source.images:
        (folder / image["file_name"]).symlink_to(lspet / "images" / image["file_name"])
    out = tmp_path / "out"
    get_format(name).write(source, out)
    skeleton = LSP_14 if name in ("csv", "parquet", "cvat", "label-studio") else None
    imported = get_format(name).read(out, folder, skeleton)
    order = imported.skeleton.joints
    same = [j for j in LSP_14.joints if j in order]
    wanted, got = labelled(source, same, True), labelled(imported.document, same, True)
    assert [row[:2] + row[4:] for row in got] == [row[:2] + row[4:] for row in wanted]
    assert [row[2:4] for row in got] == [pytest.approx(row[2:4], abs=1e-9) for row in wanted]
