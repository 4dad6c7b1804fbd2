"""The commands on label files: convert, split, merge, filter, diff, stats, and init with any format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from labeltool.formats.registry import FORMATS
from labeltool.project import Mark, Project
from labeltool.skeleton import COCO_17

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Ten photos of 120 x 90 with one person each."""
    folder = tmp_path / "photos"
    folder.mkdir()
    images, annotations = [], []
    for n in range(1, 11):
        name = f"s{n % 5}_{n}.jpg"
        Image.new("RGB", (120, 90)).save(folder / name)
        images.append({"id": n, "file_name": name, "width": 120, "height": 90, "scene": n % 5})
        keypoints = [value for k in range(17) for value in (10 + 3 * k + n, 5 + 4 * k, 1 + k % 2)]
        annotations.append(
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "keypoints": keypoints,
                "num_keypoints": 17,
                "bbox": [8, 3, 80, 75],
                "area": 3000.5,
                "iscrowd": 0,
                "segmentation": [[8, 3, 80, 3, 80, 75]],
            }
        )
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}))
    return path


def test_convert_there_and_back(run: Run, labels: Path, tmp_path: Path) -> None:
    status, out, _ = run("convert", labels, tmp_path / "a.xml")
    assert status == 0
    assert "note: cvat: annotation field 'segmentation' was left out of 10 annotations: annotation 1" in out
    assert "note: cvat: the area of 10 annotations was left out" in out
    assert out.splitlines()[-1] == f"{tmp_path / 'a.xml'}: 10 images, 10 annotations read, written as cvat"
    status, out, _ = run("convert", tmp_path / "a.xml", tmp_path / "back.json")
    assert status == 0 and "note" not in out
    back, before = json.loads((tmp_path / "back.json").read_text()), json.loads(labels.read_text())
    assert [a["keypoints"] for a in back["annotations"]] == [a["keypoints"] for a in before["annotations"]]


def test_convert_lists_and_refuses(run: Run, labels: Path, tmp_path: Path) -> None:
    status, out, _ = run("convert", "--list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(FORMATS)
    assert run("convert", labels)[0] == 2
    status, _, err = run("convert", labels, tmp_path / "x.json", "--to", "voc")
    assert status == 2 and "is not one of coco, lsp" in err
    assert run("convert", labels, tmp_path / "x.mat", "--to", "mpii")[0] == 2
    status, _, err = run("convert", labels, tmp_path / "x.mat")
    assert status == 1 and err.startswith("labeltool: ") and "expected --to lsp, lspet, mpii" in err
    status, _, err = run("convert", labels, tmp_path / "x.csv", "--from", "cvat")
    assert status == 1 and "not an XML file" in err and len(err.splitlines()) == 1
    assert not (tmp_path / "x.csv").exists()
    (tmp_path / "list.json").write_text("[]")
    status, _, err = run("convert", tmp_path / "list.json", tmp_path / "x.csv")
    assert status == 1 and "--from names another format" in err
    (tmp_path / "list.json").write_text('[{"image_id": "a", "image_id": "b"}]')
    status, _, err = run("convert", tmp_path / "list.json", tmp_path / "x.csv", "--from", "ai-challenger")
    assert status == 1 and "the key 'image_id' stands twice" in err


def test_a_project_converts_and_answers_too(run: Run, labels: Path, tmp_path: Path) -> None:
    project = tmp_path / "P"
    assert run("init", project, "--images", tmp_path / "photos", "--annotations", labels)[0] == 0
    assert run("convert", project, tmp_path / "p.csv")[0] == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 1 + 170
    assert run("diff", project, labels)[0] == 0
    assert "10 images, 10 people" in run("stats", project)[1]


@pytest.mark.parametrize(
    ("name", "target"),
    [("cvat", "a.xml"), ("csv", "a.csv"), ("label-studio", "ls.json"), ("ai-challenger", "aic.json"), ("darwin", "d")],
)
def test_init_takes_every_format(run: Run, labels: Path, tmp_path: Path, name: str, target: str) -> None:
    assert run("convert", labels, tmp_path / target, "--to", name)[0] == 0
    arguments = ["--images", tmp_path / "photos", "--annotations", tmp_path / target]
    if target not in ("a.xml", "a.csv"):
        arguments += ["--format", name]
    status, out, err = run("init", tmp_path / "P", *arguments)
    assert status == 0, err
    assert "10 photos, 10 people" in out
    (tmp_path / "photos" / "s1_1.jpg").unlink()
    status, _, err = run("init", tmp_path / "Q", *arguments)
    assert status == 1 and "1 photo cannot be used" in err
    assert run("init", tmp_path / "Q", *arguments, "--skip-broken")[0] == 0


def test_split_merge_diff(run: Run, labels: Path, tmp_path: Path) -> None:
    status, out, _ = run(
        "split", labels, tmp_path / "parts", "--shares", "a=0.6,b=0.4", "--group", "scene", "--seed", 2
    )
    assert status == 0
    assert "a.json: 6 images (60.0%) in 3 groups" in out
    a, b = tmp_path / "parts" / "a.json", tmp_path / "parts" / "b.json"
    scenes = [{image["scene"] for image in json.loads(path.read_text())["images"]} for path in (a, b)]
    assert not scenes[0] & scenes[1]
    status, _, err = run("split", labels, tmp_path / "parts", "--shares", "a=0.6,b=0.4")
    assert status == 1 and "a.json: exists" in err
    assert run("split", labels, tmp_path / "parts", "--shares", "a=x")[0] == 2
    status, out, _ = run("merge", a, b, "-o", tmp_path / "m.json")
    assert status == 0 and "10 images (0 shared), 10 annotations" in out and "0 conflicts" in out
    status, out, _ = run("diff", labels, tmp_path / "m.json")
    assert status == 0 and out == "no difference: 10 people\n"
    status, out, _ = run("diff", labels, a, "--json")
    assert status == 1 and len(json.loads(out)["people"]["removed"]) == 4
    status, out, _ = run("merge", a, a, "-o", tmp_path / "m.json")
    assert "6 images (6 shared), 6 annotations (6 that were there already left out)" in out


def test_marks_of_a_project_are_tags(run: Run, labels: Path, tmp_path: Path) -> None:
    assert run("init", tmp_path / "p", "--images", tmp_path / "photos", "--annotations", labels)[0] == 0
    with Project.open(tmp_path / "p") as project:
        project.put_marks("suspects", [Mark("limb", 4, project.people(4)[0].id), Mark("dusk", 7)], "anna")
    for tags, ids in ((["limb"], [4]), (["dusk"], [7]), (["limb", "dusk"], [4, 7]), (["none"], [])):
        options = [part for tag in tags for part in ("--tag", tag)]
        assert run("filter", tmp_path / "p", tmp_path / "f.json", *options)[0] == 0
        assert [a["id"] for a in json.loads((tmp_path / "f.json").read_text())["annotations"]] == ids


def test_filter_and_stats(run: Run, labels: Path, tmp_path: Path) -> None:
    status, out, _ = run("filter", labels, tmp_path / "f.json", "--field", "image.scene=3", "--joints", "10..")
    assert status == 0
    assert "dropped for image.scene: 8 annotations" in out
    assert "2 images (8 dropped), 2 annotations (8 dropped)" in out
    assert run("filter", labels, tmp_path / "f.json", "--joints", "9..2")[0] == 2
    assert run("filter", labels, tmp_path / "f.json", "--field", "x")[0] == 2
    status, _, err = run("filter", labels, tmp_path / "f.json", "--joint", "tail")
    assert status == 1 and "no joint 'tail'" in err
    status, out, _ = run("stats", labels, "--json")
    found = json.loads(out)
    assert (status, found["people"], found["joints"]["nose"]["hidden"]) == (0, 10, 10)
    assert "nose" in run("stats", labels)[1]
    status, out, _ = run("suspects", labels)
    assert status == 0 and out.endswith("suspects of 0 people\n")
    assert json.loads(run("suspects", labels, "--json")[1]) == {"suspects": []}


def test_photos_that_a_format_leaves_out_do_not_stop_skip_broken(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (40, 30)).save(folder / "a.jpg")
    (folder / "b.jpg").write_bytes(b"")
    status, out, _ = run("init", tmp_path / "P", "--images", folder, "--skip-broken")
    assert status == 0 and "1 photo, 0 people" in out


def test_nothing_is_written_over_what_is_read(run: Run, labels: Path, tmp_path: Path) -> None:
    status, _, error = run("validate", labels, "--truth", labels, "--fix", tmp_path / "f.json")
    assert status == 2 and "--truth goes without --fix" in error
    before, good, link = labels.read_bytes(), tmp_path / "good.json", tmp_path / "link.json"
    link.symlink_to(labels)
    for command in (
        ("filter", labels, labels, "--joints", "20.."),
        ("filter", labels, link, "--joints", "20.."),
        ("convert", labels, labels, "--to", "label-studio"),
        ("merge", labels, labels, "-o", labels),
        ("validate", labels, "--fix", labels),
        ("validate", labels, "--fix", good, "--fix-log", labels),
        ("validate", labels, "--fix", good, "--split", labels, "--fix-log", tmp_path / "no" / "log"),
        ("validate", labels, "--fix", good, "--fix-log", good),
    ):
        status, _, error = run(*command)
        assert status == 1 and error.count("\n") == 1 and "expected" in error, command
        assert labels.read_bytes() == before and link.is_symlink() and not good.exists()


def test_nothing_is_written_over_a_projects_own_files(run: Run, labels: Path, tmp_path: Path) -> None:
    project = tmp_path / "p"
    assert run("init", project, "--images", tmp_path / "photos", "--annotations", labels)[0] == 0
    assert run("snapshot", project)[0] == 0
    own = [path for path in project.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
    assert {path.name for path in own} >= {"labels.db", "project.toml"} and len(own) > 2
    before = {path: path.read_bytes() for path in own}
    for path in own:
        for command in (
            ("export", project, path),
            ("merge", labels, "-o", path),
            ("filter", project, path),
            ("convert", labels, path, "--to", "csv"),
            ("validate", labels, "--fix", path),
        ):
            status, _, error = run(*command)
            assert status == 1 and f"{path}: is the project's own ({project})" in error, command
    for command in (
        ("split", labels, project / "snapshots"),
        ("suspects", project, "--no-model", "--sheet", project / "models"),
    ):
        status, _, error = run(*command)
        assert status == 1 and f"is the project's own ({project})" in error, command
    assert {path: path.read_bytes() for path in own} == before
    for name in ("mine.json", "models.json", "labels.database.json"):
        assert run("export", project, project / name)[0] == 0


def test_a_name_that_ends_in_gz_is_compressed(run: Run, labels: Path, tmp_path: Path) -> None:
    project, packed = tmp_path / "p", tmp_path / "a.json.gz"
    assert run("init", project, "--images", tmp_path / "photos", "--annotations", labels)[0] == 0
    assert run("export", project, tmp_path / "plain.json")[0] == 0
    plain = json.loads((tmp_path / "plain.json").read_text())
    for command in (
        ("export", project, packed),
        ("merge", project, "-o", packed),
        ("filter", project, packed),
        ("convert", project, packed),
    ):
        assert run(*command)[0] == 0, command
        assert json.loads(gzip.decompress(packed.read_bytes())) == plain, command
    first = packed.read_bytes()
    assert run("convert", project, packed)[0] == 0 and packed.read_bytes() == first
    assert run("diff", packed, tmp_path / "plain.json")[0] == 0


def test_numbers_and_folders_that_are_none(run: Run, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.json"
    assert run("filter", labels, out, "--joints", "16")[0] == 0 and not json.loads(out.read_text())["annotations"]
    assert (
        run("filter", labels, out, "--joints", "17")[0] == 0 and len(json.loads(out.read_text())["annotations"]) == 10
    )
    status, _, error = run("diff", labels, labels, "--tolerance", "nan")
    assert status == 2 and "nan is not a finite number" in error
    project = tmp_path / "p"
    assert run("init", project, "--images", tmp_path / "photos")[0] == 0
    for command in (("import", project, labels), ("convert", labels, tmp_path / "c.csv")):
        status, _, error = run(*command, "--images", tmp_path / "no")
        assert (status, error) == (1, f"labeltool: {tmp_path / 'no'}: no such folder of photos\n")
