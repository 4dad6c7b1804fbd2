from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from labeltool.cli import cli
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork
from labeltool.models.weights import write_checkpoint
from labeltool.prefill import PROPOSAL_SCORE
from labeltool.skeleton import COCO_17, LSP_14

Run = Callable[..., tuple[int, str, str]]


def annotation(number: int, image: int, box: list[float], joints: bool) -> dict[str, object]:
    x, y, w, h = box
    rng = np.random.default_rng(number)
    keypoints: list[float] = []
    for _ in range(14):
        keypoints += (
            [round(x + w * rng.uniform(0.1, 0.9), 2), round(y + h * rng.uniform(0.1, 0.9), 2), 2]
            if joints
            else [0, 0, 0]
        )
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": box,
        "area": w * h * 0.5,
        "iscrowd": 0,
        "num_keypoints": 14 if joints else 0,
        "keypoints": keypoints,
        "segmentation": [[x, y, x + w, y, x + w, y + h]],
        "mood": "kept",
    }


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(3):
        noise = np.random.default_rng(n).integers(0, 255, (90, 120, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{n + 1}.jpg")
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Three photos: one labelled person; one labelled and one not; one not."""
    path = tmp_path / "labels.json"
    document = {
        "info": {"year": 2026},
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 120, "height": 90} for n in (1, 2, 3)],
        "annotations": [
            annotation(1, 1, [10, 10, 60, 70], True),
            annotation(2, 2, [5, 5, 40, 60], True),
            annotation(3, 2, [60, 20, 50, 60], False),
            annotation(4, 3, [20, 20.5, 50, 60], False),
        ],
        "categories": [LSP_14.to_category()],
    }
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    config = DeepPoseConfig(LSP_14, backbone="test_efficientnet", hidden=16)
    torch.manual_seed(0)
    write_checkpoint(
        path, DeepPoseNetwork(config).state_dict(), {"model": "deeppose", "version": "t", "config": config.to_json()}
    )
    return path


@pytest.fixture
def project(tmp_path: Path, photos: Path, labels: Path, run: Run) -> Path:
    path = tmp_path / "project"
    assert run("init", path, "--images", photos, "--annotations", labels)[0] == 0
    return path


def edit(path: Path, change: Callable[[dict[str, list[dict[str, object]]]], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_the_score_to_propose_from_reaches_the_prefill(project: Path, weights: Path, run: Run) -> None:
    defaults = {option.name: option.default for option in cli.commands["prefill"].params}
    assert defaults["propose_from"] == PROPOSAL_SCORE
    status, _, err = run("prefill", project, "--weights", weights, "--propose-from", "nan")
    assert status == 2 and "nan is not a finite number" in err
    status, _, err = run("prefill", project, "--weights", weights, "--propose-from", "1.5")
    assert status == 2 and "1.5 is not in the range 0<=x<=1" in err


def test_the_main_job(tmp_path: Path, labels: Path, project: Path, weights: Path, run: Run) -> None:
    out = tmp_path / "out.json"
    assert run("export", project, out)[0] == 0
    assert json.loads(out.read_text()) == json.loads(labels.read_text())

    status, text, _ = run("prefill", project, "--weights", weights, "--device", "cpu")
    assert status == 0
    assert "4 people in 3 photos; 2 filled" in text
    assert "3 photos had been done before" in run("prefill", project, "--weights", weights)[1]

    assert run("export", project, out)[0] == 0
    assert json.loads(out.read_text()) == json.loads(labels.read_text()), "predictions are no labels"
    assert run("export", project, out, "--with-predicted")[0] == 0
    filled = {a["id"]: a["num_keypoints"] for a in json.loads(out.read_text())["annotations"]}
    assert filled == {1: 14, 2: 14, 3: 14, 4: 14}

    status, text, _ = run("audit", project, "--model", "deeppose", "--json")
    result = json.loads(text)
    assert status == 0
    assert result["people"] == 2
    assert set(result["oks"]) == {"AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL", "scale"}
    assert [j["joint"] for j in result["joints"]] == list(LSP_14.joints)
    assert len(result["pdj"]["per_joint"]["left_elbow"]) == len(result["pdj"]["thresholds"]) == 10
    assert "left_elbow" in run("audit", project)[1]

    counts = json.loads(run("status", project, "--json")[1])
    assert counts["images"] == 3 and counts["labelled_people"] == 2
    assert counts["models"][0]["model"] == "deeppose"
    assert "2 with labels" in run("status", project)[1]


def test_audit_of_files_finds_a_perfect_model_perfect(tmp_path: Path, labels: Path, run: Run) -> None:
    truth = json.loads(labels.read_text())
    results = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 0.9}
        for a in truth["annotations"]
        if a["num_keypoints"]
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    result = json.loads(run("audit", "--truth", labels, "--predictions", path, "--json")[1])
    assert result["oks"]["AP"] == pytest.approx(1.0)
    assert result["oks"]["scale"] == "area"
    assert result["pdj"]["overall"] == [1.0] * 10
    diagonal = run("audit", "--truth", labels, "--predictions", path, "--scale", "bbox-diagonal", "--json")[1]
    assert json.loads(diagonal)["oks"]["scale"] == "bbox-diagonal"


def test_a_folder_of_photos_and_whole_photo_boxes(tmp_path: Path, photos: Path, weights: Path, run: Run) -> None:
    project = tmp_path / "p"
    status, out, _ = run("init", project, "--images", photos, "--skeleton", "lsp-14")
    assert status == 0 and "3 photos, 0 people" in out
    out = run("prefill", project, "--weights", weights)[1]
    assert "3 photos without boxes passed over" in out
    out = run("prefill", project, "--weights", weights, "--boxes", "image")[1]
    assert "3 people in 3 photos" in out and "3 proposed" in out


def test_validate_says_what_and_exits_1(labels: Path, project: Path, run: Run) -> None:
    assert run("validate", labels)[0] == 0
    assert run("validate", project)[0] == 0
    edit(labels, lambda d: d["annotations"][0].update(num_keypoints=3))
    status, text, _ = run("validate", labels, "--json")
    report = json.loads(text)
    assert status == 1
    assert report["errors"] == 1
    assert report["findings"][0]["code"] == "A312"
    assert "A312" in run("validate", labels)[1]


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if line.startswith("labeltool: ")]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


BROKEN_FILES = {
    "missing": (None, "No such file"),
    "text": ("hello", "line 1"),
    "cut": ('{"images": [{"id": 1, "file_name": "a', "ends"),
    "list": ("[]", "object"),
}


@pytest.mark.parametrize("kind", BROKEN_FILES)
def test_init_of_a_broken_file(tmp_path: Path, photos: Path, run: Run, kind: str) -> None:
    content, message = BROKEN_FILES[kind]
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content)
    status, _, err = run("init", tmp_path / "p", "--images", photos, "--annotations", path)
    assert status == 1
    assert message.lower() in one_line(err).lower() and "broken.json" in err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(("content", "message"), [(b"", "0 bytes"), (b"text", "not an image"), (None, "no such photo")])
def test_init_with_a_broken_photo(
    tmp_path: Path, photos: Path, labels: Path, run: Run, content: bytes | None, message: str
) -> None:
    (photos / "2.jpg").unlink()
    if content is not None:
        (photos / "2.jpg").write_bytes(content)
    status, _, err = run("init", tmp_path / "p", "--images", photos, "--annotations", labels)
    assert status == 1
    assert message in err and "2.jpg" in err and "1 photo cannot be used" in one_line(err)
    assert not (tmp_path / "p").exists()
    assert run("init", tmp_path / "p", "--images", photos, "--annotations", labels, "--skip-broken")[0] == 0
    out = tmp_path / "out.json"
    assert run("export", tmp_path / "p", out)[0] == 0
    assert json.loads(out.read_text()) == json.loads(labels.read_text()), "nothing is lost"


def test_a_photo_that_breaks_later_is_named_and_the_rest_is_done(
    photos: Path, project: Path, weights: Path, run: Run
) -> None:
    (photos / "1.jpg").write_bytes(b"no longer a photo")
    status, out, err = run("prefill", project, "--weights", weights)
    assert status == 1
    assert "1.jpg" in err and "not an image" in err
    assert "3 people in 2 photos" in out


def test_a_box_outside_the_photo(tmp_path: Path, photos: Path, labels: Path, weights: Path, run: Run) -> None:
    edit(labels, lambda d: d["annotations"][3].update(bbox=[500, 500, 20, 20]))
    status, _, err = run("init", tmp_path / "p", "--images", photos, "--annotations", labels)
    assert status == 1
    assert "B403" in err and "annotations[3] (id 4)" in err
    assert not (tmp_path / "p").exists()
    accept = ("init", tmp_path / "p", "--images", photos, "--annotations", labels, "--accept-errors")
    assert run(*accept)[0] == 0
    status, out, err = run("prefill", tmp_path / "p", "--weights", weights)
    assert status == 1
    assert "annotation 4" in err and "120 x 90" in err
    assert "3 people in 2 photos" in out


def test_unknown_models_and_weights_that_do_not_fit(tmp_path: Path, project: Path, run: Run) -> None:
    status, _, err = run("prefill", project, "--model", "openpose")
    assert status == 1 and "'openpose'" in one_line(err) and "deeppose" in err
    wrong = tmp_path / "wrong.safetensors"
    network = DeepPoseNetwork(DeepPoseConfig(LSP_14, backbone="test_efficientnet", hidden=16))
    told = DeepPoseConfig(COCO_17, backbone="test_efficientnet", hidden=16)
    write_checkpoint(wrong, network.state_dict(), {"model": "deeppose", "config": told.to_json()})
    status, _, err = run("prefill", project, "--weights", wrong)
    assert status == 1 and "has shape" in one_line(err)
    status, _, err = run("prefill", project, "--weights", tmp_path / "none.safetensors")
    assert status == 1 and "No such file" in one_line(err)
    status, _, err = run("prefill", project, "--device", "toaster")
    assert status == 1 and "toaster" in one_line(err)


def test_folders_that_cannot_be_used(tmp_path: Path, photos: Path, project: Path, run: Run) -> None:
    status, _, err = run("init", project, "--images", photos)
    assert status == 1 and "not empty" in one_line(err)
    status, _, err = run("init", tmp_path / "p", "--images", tmp_path / "none")
    assert status == 1 and "no such folder" in one_line(err)
    (tmp_path / "file").write_text("x")
    status, _, err = run("init", tmp_path / "file" / "p", "--images", photos)
    assert status == 1 and "file" in one_line(err)
    status, _, err = run("status", tmp_path)
    assert status == 1 and "project.toml" in one_line(err)
    status, _, err = run("export", project, tmp_path / "none" / "out.json")
    assert status == 1 and "out.json" in one_line(err)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that even root cannot write")
def test_a_read_only_folder(photos: Path, project: Path, run: Run) -> None:
    status, _, err = run("init", "/proc/labeltool-project", "--images", photos)
    assert status == 1 and "/proc" in one_line(err)
    status, _, err = run("export", project, "/proc/labeltool.json")
    assert status == 1 and "/proc" in one_line(err)


def test_audit_without_anything_to_measure(tmp_path: Path, labels: Path, project: Path, run: Run) -> None:
    status, _, err = run("audit", project)
    assert status == 1 and "labeltool prefill" in one_line(err)
    assert run("audit")[0] == 2
    assert run("audit", project, "--truth", labels)[0] == 2
    (tmp_path / "r.json").write_text("[]")
    status, _, err = run("audit", "--truth", labels, "--predictions", tmp_path / "r.json")
    assert status == 1 and "r.json" in one_line(err)


def test_a_full_port(project: Path, run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = run("serve", project, "--port", port)
        assert status == 1 and str(port) in one_line(err)


def test_models_that_serve_cannot_take(project: Path, run: Run) -> None:
    assert run("serve", project, "--no-model", "--model", "deeppose")[0] == 2
    assert run("serve", project, "--weights", "w.safetensors")[0] == 2
    status, _, err = run("serve", project, "--model", "nobody")
    assert status == 1 and "model 'nobody': unknown, expected one of" in one_line(err)


def test_models_tell_licence_skeleton_size_and_figures(run: Run) -> None:
    status, out, _ = run("models")
    assert status == 0
    told = {block.partition(" ")[0]: block for block in re.split(r"\n(?=\S)", out)}
    for line in (
        "heatmap  (lsp-14, needs boxes; labeltool)",
        "    licence: Apache-2.0; trained on LSP-extended (research use) and rendered figures",
        "    size: 21.1 MB, shipped",
        "    figures: PDJ@0.2 0.749, PCP@0.5 0.800 (500 people of LSP-extended, im08501..im09000)",
        "    figures: PDJ@0.2 0.956, PCP@0.5 0.957 (2,992 rendered figures of ten unseen seeds)",
        "    speed: 42 ms",
    ):
        assert line in told["heatmap"]
    assert "size: 237.0 MB, not shipped\n    figures: none measured\n    speed: 2.1 times" in told["keypoint-rcnn"]
    assert told["rtmpose"].endswith("    size: not known\n    figures: none measured")
    assert all(f"\n    {what}: " in block for block in told.values() for what in ("licence", "size", "figures"))

    listed = {model["name"]: model for model in json.loads(run("models", "--json")[1])}
    assert set(listed) == set(told)
    assert listed["heatmap"]["size"] == 21_101_996
    assert listed["heatmap"]["figures"][0] == {
        "measure": "PDJ@0.2",
        "value": 0.749,
        "data": "500 people of LSP-extended, im08501..im09000",
    }
    assert (
        listed["rtmpose"]["size"] is None and listed["rtmpose"]["figures"] == [] and listed["rtmpose"]["speed"] is None
    )


def test_the_list_of_models_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom labeltool.cli import main\n"
        "try: main(['models', '--json'])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'torchvision', 'safetensors', 'streamlit', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.rstrip().endswith("\n[]")


def test_the_share_of_blind_people(tmp_path: Path, photos: Path, labels: Path, weights: Path, run: Run) -> None:
    assert run("init", tmp_path / "no", "--images", photos, "--blind-share", 1.5)[0] == 2
    path = tmp_path / "blind"
    assert run("init", path, "--images", photos, "--annotations", labels, "--blind-share", 1)[0] == 0
    blind = json.loads(run("status", path, "--json")[1])["blind"]
    assert blind > 0
    assert f"{blind} labelled blind" in run("status", path)[1]
    status, out, _ = run("prefill", path, "--model", "deeppose", "--weights", weights)
    assert status == 0
    assert "; 0 filled, 0 proposed" in out
    assert "labelled blind: predicted, and shown with a box alone" in out


def test_misuse_exits_2(run: Run) -> None:
    assert run("init")[0] == 2
    assert run("no-such-command")[0] == 2
    assert run("--help")[0] == 0


def test_every_command_has_help_and_stands_in_the_readme(repo: Path) -> None:
    readme = (repo / "README.md").read_text()
    for name, command in cli.commands.items():
        assert command.help, name
        assert f"labeltool {name}" in readme, name


def test_help_loads_nothing_heavy_and_is_quick() -> None:
    code = (
        "import sys\nfrom labeltool.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch','streamlit','pandas','numpy','fiftyone','sqlalchemy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.rstrip().endswith("[]")

    def seconds(code: str) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds("import labeltool.cli") < 0.5 * seconds("import pandas")


def test_validate_takes_rules_and_forms(labels: Path, run: Run) -> None:
    edit(labels, lambda d: d["annotations"][0].update(num_keypoints=3, iscrowd=None))
    assert "A312" in run("validate", labels, "--ignore", "B407")[1]
    assert json.loads(run("validate", labels, "--select", "A312", "--json")[1])["errors"] == 1
    assert run("validate", labels, "--ignore", "A3,B")[0] == 0
    assert "::error file=" in run("validate", labels, "--format", "github")[1]
    assert "<testsuite" in run("validate", labels, "--format", "junit")[1]
    status, _, err = run("validate", labels, "--select", "X1")
    assert (status, "no rule 'X1'" in one_line(err)) == (1, True)


def test_validate_mends_into_another_file(labels: Path, run: Run, tmp_path: Path) -> None:
    before = json.loads(labels.read_text())
    edit(labels, lambda d: d["annotations"][0].update(num_keypoints=3))
    edit(labels, lambda d: d["annotations"].append(dict(d["annotations"][0], id=999, image_id=12345)))
    status, text, _ = run("validate", labels, "--fix", tmp_path / "safe.json", "--fix-log", tmp_path / "log.jsonl")
    assert status == 1
    assert text.startswith("fixed A312: ")
    assert json.loads((tmp_path / "safe.json").read_text())["annotations"][0] == before["annotations"][0]
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["code"] == "A312"
    status, text, _ = run("validate", labels, "--fix=all", tmp_path / "all.json", "--json")
    assert status == 0
    assert {change["code"] for change in json.loads(text)["changes"]} == {"A304", "A312"}
    assert json.loads((tmp_path / "all.json").read_text()) == before
    for wrong in (["--fix=all"], [tmp_path / "x.json"], ["--fix", tmp_path / "y", tmp_path / "x"]):
        assert run("validate", labels, *wrong)[0] == 2
    assert not (tmp_path / "x.json").exists()


def test_validate_holds_results_against_their_truth(labels: Path, run: Run, tmp_path: Path) -> None:
    truth = json.loads(labels.read_text())
    annotation = truth["annotations"][0]
    result = {key: annotation[key] for key in ("image_id", "category_id", "keypoints")} | {"score": 0.5}
    results = tmp_path / "results.json"
    results.write_text(json.dumps([result]))
    assert run("validate", results, "--truth", labels)[0] == 0
    results.write_text(json.dumps([result | {"image_id": 12345}]))
    assert run("validate", results)[0] == 0
    status, text, _ = run("validate", results, "--truth", labels)
    assert (status, "R601" in text, "is no image of the truth" in text) == (1, True, True)


def test_validate_compares_splits(labels: Path, run: Run) -> None:
    status, text, _ = run("validate", labels, "--split", labels, "--select", "D505")
    assert (status, "D505" in text) == (1, True)
