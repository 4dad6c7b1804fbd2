from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from synthetic_scenes import SKELETON, square_document

from labeltool.errors import ModelError
from labeltool.models import bottom_up, mask_rcnn
from labeltool.models.backbones import make_backbone
from labeltool.models.bottom_up import BottomUpConfig, BottomUpNetwork
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.models.mask_rcnn import MaskRcnnConfig
from labeltool.models.weights import Checkpoint, read_checkpoint, write_checkpoint
from labeltool.project import Project
from labeltool.skeleton import Skeleton, define
from labeltool.training import scene_files
from labeltool.training.bottom_up import BottomUpTask
from labeltool.training.from_files import shipped_weights
from labeltool.training.mask_rcnn import MaskRcnnTask
from labeltool.training.samples import people_of
from labeltool.training.scene_files import make_scene_task, start_from, train_on_scenes
from labeltool.training.scene_loop import SceneSchedule, SceneTask
from labeltool.training.scenes import Scene
from labeltool.training.sources import Source, split_for_good

OTHER = define("other", ["trunk", "tail"])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    document = square_document(tmp_path, 5, seed=0)
    path = tmp_path / "squares.json"
    path.write_text(json.dumps(document.data))
    return Source(path, tmp_path)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that learn in a second."""

    def make(model: str, skeleton: Skeleton, tasks: tuple[str, ...] = mask_rcnn.TASKS, **_: object) -> SceneTask:
        if model == "mask-rcnn":
            config = MaskRcnnConfig(skeleton, tasks, "mobilenetv3_small_050", channels=32, side=96)
            return MaskRcnnTask(mask_rcnn.build(config), config)
        maps = BottomUpConfig(skeleton, side=128, channels=32, backbone="mobilenetv3_small_050")
        return BottomUpTask(BottomUpNetwork(maps), maps)

    monkeypatch.setattr(scene_files, "make_scene_task", make)


@pytest.mark.slow
def test_every_model_trains_from_a_file_and_loads_again(source: Source, tmp_path: Path) -> None:
    schedule = SceneSchedule(epochs=1, batch=2)
    best = train_on_scenes("bottom-up", tmp_path / "b", [source], SKELETON, schedule, licence="CC0-1.0", quiet=True)
    assert bottom_up.load(best, "cpu").skeleton == SKELETON
    about = read_checkpoint(best).description
    assert about["data"][0]["people"] == 8 and about["held_out"] == 1 and about["licence"] == "CC0-1.0"
    more = define("more", [*SKELETON.joints, "tail"])
    best = train_on_scenes("mask-rcnn", tmp_path / "m", [source], more, schedule, init=best, quiet=True)
    config = mask_rcnn.load(best, "cpu").config
    assert config.tasks == ("od", "is", "hpe") and config.unlearnt == ("tail",)
    assert (
        "Not predicted, as nobody it learnt from had them labelled: tail." in (tmp_path / "m" / "card.md").read_text()
    )


@pytest.mark.parametrize(
    ("model", "more", "terms", "figures"),
    [
        ("bottom-up", [], ["joints", "centres", "offsets"], ["AP of joints", "| left shoulder | 2 |"]),
        (
            "mask-rcnn",
            ["--tasks", "od,is"],
            ["rpn_reg", "rpn_clf", "bb_reg", "bb_clf", "segment"],
            ["AP of masks", "AP of boxes"],
        ),
    ],
)
def test_the_command_ends_with_a_checkpoint_a_curve_and_a_card(
    model: str,
    more: list[str],
    terms: list[str],
    figures: list[str],
    tmp_path: Path,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    (tmp_path / "squares.json").write_text(json.dumps(square_document(tmp_path, 3, seed=0).data))
    out = tmp_path / "run"
    command = [
        *(
            "train",
            model,
            "--data",
            tmp_path / "squares.json",
            tmp_path,
            "--out",
            out,
            "--validation",
            1,
            "--epochs",
            1,
        ),
        *("--batch", 2, "--licence", "CC0-1.0", "--version", "7", *more),
    ]
    status, said, error = run(*command)
    assert status == 0, error
    best = out / "best.safetensors"
    assert f"best checkpoint: {best}" in said and f"card: {out / 'card.md'}" in said
    about = read_checkpoint(best).description
    assert about["model"] == model and about["version"] == "7" and about["data"][0]["photos"] == 2
    rows = (out / "curve.csv").read_text().splitlines()
    assert len(rows) == 2 and set(terms) < set(rows[0].split(","))
    assert (out / "curve.svg").read_text().startswith("<svg")
    card = (out / "card.md").read_text()
    for text in (
        f"# {model} 7",
        "CC0-1.0",
        "squares.json",
        about["data"][0]["sha256"],
        about["labels_sha256"],
        *figures,
    ):
        assert text in card, text
    assert all(f"| {term} | " in card for term in terms) and "nan" not in card
    with Image.open(out / "failures.jpg") as sheet:
        assert sheet.size == (880, 238)
    before = best.read_bytes(), card
    assert run(*command)[0] == 0 and (best.read_bytes(), (out / "card.md").read_text()) == before


def test_a_backbone_starts_either_model(tmp_path: Path) -> None:
    torch.manual_seed(1)
    trunk = make_scene_task("bottom-up", SKELETON).network
    path = tmp_path / "b.safetensors"
    write_checkpoint(path, trunk.state_dict(), {})
    torch.manual_seed(2)
    network = make_scene_task("mask-rcnn", SKELETON).network
    start_from(network, read_checkpoint(path))
    name = "backbone.conv_stem.weight"
    assert torch.equal(network.state_dict()[f"backbone.{name}"], trunk.state_dict()[name])
    bare = {k.removeprefix("backbone."): t for k, t in trunk.state_dict().items() if k.startswith("backbone.")}
    write_checkpoint(path, bare, {})
    start_from(make_scene_task("mask-rcnn", SKELETON).network, read_checkpoint(path))
    del bare["conv_stem.weight"]
    write_checkpoint(path, bare, {})
    with pytest.raises(ModelError, match=r"conv_stem.weight' is missing, expected the backbone's weights"):
        start_from(network, read_checkpoint(path))


def test_the_backbone_is_that_of_the_weights_it_starts_from(source: Source, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    maps = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16, mean=0.4)
    write_checkpoint(start, HeatmapNetwork(maps).state_dict(), {"model": "heatmap", "config": maps.to_json()})
    schedule = SceneSchedule(epochs=1, batch=2)
    best = train_on_scenes("bottom-up", tmp_path / "b", [source], SKELETON, schedule, init=start, quiet=True)
    config = read_checkpoint(best).description["config"]
    assert (config["backbone"], config["channels"], config["mean"], config["side"]) == (
        "test_efficientnet",
        16,
        0.4,
        384,
    )
    given = read_checkpoint(start)
    detector = make_scene_task("mask-rcnn", SKELETON, ("od",), start=given)
    plain = detector.describe()["config"]
    assert (plain["backbone"], plain["channels"], plain["mean"]) == ("test_efficientnet", 96, 0.4)
    start_from(detector.network, given)
    alexnet = replace(given, description={"model": "deeppose", "config": {"backbone": "alexnet"}})
    with pytest.raises(
        ModelError, match=r"start\.safetensors: backbone 'alexnet': .*expected a timm network with features"
    ):
        make_scene_task("bottom-up", SKELETON, start=alexnet)


def test_a_residual_backbone_starts_torchvisions_pyramid(tmp_path: Path) -> None:
    maps = HeatmapConfig(SKELETON, backbone="resnet18", side=64, channels=16)
    path = tmp_path / "r.safetensors"
    write_checkpoint(path, HeatmapNetwork(maps).state_dict(), {"model": "heatmap", "config": maps.to_json()})
    start = read_checkpoint(path)
    task = make_scene_task("mask-rcnn", SKELETON, ("od",), start=start)
    start_from(task.network, start)
    name = "layer3.1.conv2.weight"
    assert torch.equal(task.network.state_dict()[f"backbone.body.{name}"], start.tensors[f"backbone.{name}"])


@pytest.mark.slow
def test_frozen_layers_stay_as_the_checkpoint_has_them(source: Source, tmp_path: Path) -> None:
    """Those up to stride 8; the decoder is taken from the shipped heatmap model too, and learns."""
    start = read_checkpoint(shipped_weights("bottom-up"))
    schedule = SceneSchedule(epochs=1, batch=2)
    best = train_on_scenes(
        "bottom-up", tmp_path / "b", [source], SKELETON, schedule, init=start.path, frozen=True, quiet=True
    )
    learnt = read_checkpoint(best)
    assert learnt.description["frozen"] and learnt.description["init"] == start.sha256
    first, last, fuse = "backbone.stem.0.weight", "backbone.stage32.0.layers.0.weight", "decoder.3.lateral.weight"
    assert torch.equal(learnt.tensors[first], start.tensors[first])
    assert not torch.equal(learnt.tensors[last], start.tensors[last])
    assert 0 < (learnt.tensors[fuse] - start.tensors[fuse]).abs().max() < 0.1


@pytest.mark.usefixtures("tiny")
def test_a_run_goes_on_only_with_what_it_has_learnt_from(source: Source, tmp_path: Path) -> None:
    """Given again it finds its work done; with other labels, weights to start from, licence or version it is refused."""
    out = tmp_path / "run"

    def train(model: str = "bottom-up", **more: Any) -> Path:
        schedule = SceneSchedule(epochs=1, batch=2)
        return train_on_scenes(model, out, [source], SKELETON, schedule, quiet=True, **more)

    def refused(said: str, **more: Any) -> None:
        with pytest.raises(
            ModelError, match=f"run: holds a training with {said}; expected the same, or an empty --out"
        ):
            train(**more)

    best = train()
    about, before = read_checkpoint(best).description, best.read_bytes()
    assert len(about["labels_sha256"]) == 64 and about["labels_sha256"] != about["validation_sha256"]
    assert train() == best and best.read_bytes() == before
    refused("licence = 'not stated', now 'MIT'", licence="MIT")
    refused("version = '1', now '2'", version="2")
    copy = tmp_path / "start.safetensors"
    copy.write_bytes(before)
    refused(r"init = null, now '[0-9a-f]+\.\.\.'", init=copy)
    document = json.loads(source.labels.read_text())
    document["annotations"][0]["keypoints"][0] += 1
    source.labels.write_text(json.dumps(document))
    refused(r"data\[0\].sha256 = '[0-9a-f]+\.\.\.', now '[0-9a-f]+\.\.\.'")
    assert best.read_bytes() == before


@pytest.fixture
def learnt_from(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[str], dict[str, Any]]]:
    """The names of the photos to train and to validate on, and what the checkpoint would say, of each training begun."""
    seen: list[tuple[list[str], list[str], dict[str, Any]]] = []

    def begin(_: Path, __: object, training: list[Scene], unseen: list[Scene], *___: object, **more: Any) -> Path:
        seen.append(([s.photo.name for s in training], [s.photo.name for s in unseen], more["about"]))
        return Path()

    monkeypatch.setattr(scene_files, "fit_scenes", begin)
    monkeypatch.setattr(scene_files, "write_scene_card", lambda *_: None)
    return seen


@pytest.mark.usefixtures("tiny")
def test_of_a_project_the_same_photos_are_validated_on_however_many_are_done(
    tmp_path: Path, learnt_from: list[tuple[list[str], list[str], dict[str, Any]]]
) -> None:
    document = square_document(tmp_path, 24, seed=0)
    folder = tmp_path / "p"
    with Project.create(folder, document, tmp_path, SKELETON, blind_share=0) as project:
        images = [image.id for image in project.images()]
        for image in images[16:]:
            project.set_status(image, "in_progress", "ann")
    both = {}
    for done in (16, 24):
        with Project.open(folder) as project:
            for image in images[:done]:
                project.set_status(image, "done", "ann")
        train_on_scenes("mask-rcnn", tmp_path / "x", [Source(folder)], SKELETON, SceneSchedule(), quiet=True)
        training, unseen, about = learnt_from[-1]
        assert sorted(training + unseen) == [f"{n:03d}.png" for n in range(done)] and training and unseen
        assert (
            about["by_lot"]
            and about["held_out"] == len(unseen)
            and len(about["data"][0]["learnt"]) == 2 * len(training)
        )
        assert len(about["validated"]) == 2 * len(unseen) and not set(about["validated"]) & set(
            about["data"][0]["learnt"]
        )
        both[done] = set(unseen)
    assert both[16] < both[24], "what was validated on is still, and is not the last photos alone"
    lot = {p.photo.name for p in split_for_good(people_of(document, tmp_path, SKELETON), "p")[1]}
    assert both[24] == lot, "the photos that the heatmap model is validated on"
    train_on_scenes("mask-rcnn", tmp_path / "x", [Source(folder)], SKELETON, SceneSchedule(), held_out=3, quiet=True)
    training, unseen, about = learnt_from[-1]
    assert unseen == ["021.png", "022.png", "023.png"] and "by_lot" not in about


@pytest.mark.usefixtures("tiny")
def test_a_photo_on_both_sides_is_refused(
    source: Source, tmp_path: Path, learnt_from: list[tuple[list[str], list[str], dict[str, Any]]]
) -> None:
    """By whatever path it is named; two sources may teach with the same photo."""
    (tmp_path / "link").symlink_to(tmp_path)
    again = Source(source.labels, tmp_path / "link")
    with pytest.raises(ModelError, match=r"004.png: is to be validated on and also in another of the 2 sources"):
        train_on_scenes("mask-rcnn", tmp_path / "x", [source, again], SKELETON, SceneSchedule(), quiet=True)
    data = json.loads(source.labels.read_text())
    few = tmp_path / "few.json"
    few.write_text(json.dumps({**data, "annotations": [a for a in data["annotations"] if a["image_id"] < 3]}))
    second = Source(few, tmp_path / "link")
    train_on_scenes("mask-rcnn", tmp_path / "x", [source, second], SKELETON, SceneSchedule(), quiet=True)
    training, unseen, about = learnt_from[-1]
    assert unseen == ["004.png"] and len(training) == 6
    assert [(row["photos"], row["people"]) for row in about["data"]] == [(4, 8), (2, 4)]


def test_layers_that_cannot_be_frozen(source: Source, tmp_path: Path) -> None:
    schedule = SceneSchedule(epochs=1)
    with pytest.raises(ModelError, match="expected --init with their weights"):
        train_on_scenes("bottom-up", tmp_path / "x", [source], SKELETON, schedule, frozen=True, quiet=True)
    with pytest.raises(ModelError, match="mask-rcnn: no layers can be frozen"):
        train_on_scenes("mask-rcnn", tmp_path / "x", [source], SKELETON, schedule, frozen=True, quiet=True)


def test_what_cannot_be_trained_on(source: Source, tmp_path: Path) -> None:
    schedule = SceneSchedule(epochs=1)
    with pytest.raises(ModelError, match="5 photos with people, expected more than the 5 to validate on"):
        train_on_scenes("bottom-up", tmp_path / "x", [source], SKELETON, schedule, held_out=5, quiet=True)
    with pytest.raises(ModelError, match="'openpose': cannot be trained on whole photos"):
        train_on_scenes("openpose", tmp_path / "x", [source], SKELETON, schedule, quiet=True)
    with pytest.raises(ModelError, match=r"joints\.mat: holds one person a photo"):
        train_on_scenes(
            "bottom-up", tmp_path / "x", [Source(tmp_path / "joints.mat", tmp_path)], SKELETON, schedule, quiet=True
        )
    document = json.loads(source.labels.read_text())
    source.labels.write_text(json.dumps({**document, "annotations": []}))
    with pytest.raises(ModelError, match="no photo with people, expected at least one"):
        train_on_scenes("bottom-up", tmp_path / "x", [source], SKELETON, schedule, quiet=True)


def test_where_joints_are_learnt_somebody_has_some(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes and masks need none."""

    class Began(Exception):
        pass

    def begin(*_: object, **__: object) -> None:
        raise Began

    monkeypatch.setattr(scene_files, "fit_scenes", begin)

    def refused(model: str, said: str, skeleton: Skeleton = SKELETON, tasks: tuple[str, ...] = ("od", "hpe")) -> None:
        with pytest.raises(ModelError, match=said):
            train_on_scenes(model, tmp_path / "x", [source], skeleton, SceneSchedule(), tasks=tasks, quiet=True)

    for model in ("bottom-up", "mask-rcnn"):
        refused(model, r"squares.json: no person with labelled joints of skeleton other, expected at", OTHER)
    whole = json.loads(source.labels.read_text())

    def hide(ids: range) -> None:
        rows = [a if a["id"] not in ids else {**a, "keypoints": [0] * 9} for a in whole["annotations"]]
        source.labels.write_text(json.dumps({**whole, "annotations": rows}))

    hide(range(1, 11))
    for model in ("bottom-up", "mask-rcnn"):
        refused(model, r"squares.json: no person with labelled joints of skeleton tiny, expected at least one")
    hide(range(9, 11))
    refused("bottom-up", r"squares.json: nobody on the 1 photos to validate on has labelled joints of skeleton tiny")
    hide(range(1, 9))
    refused("mask-rcnn", r"squares.json: nobody on the 4 photos to train on has labelled joints of skeleton tiny")
    assert not (tmp_path / "x").exists()
    with pytest.raises(Began):
        train_on_scenes("mask-rcnn", tmp_path / "x", [source], OTHER, SceneSchedule(), tasks=("od", "is"), quiet=True)


Learnt = list[tuple[list[str], list[str], dict[str, Any]]]


def with_segmentations(source: Source, *, outlined: set[int], packed: bool = False) -> None:
    """Labels of which only the people of these ids have an outline, as RLE where asked for."""
    data = json.loads(source.labels.read_text())
    for annotation in data["annotations"]:
        if annotation["id"] not in outlined:
            annotation["segmentation"] = []
        elif packed:
            x, y, side, _ = annotation["bbox"]
            column = [96 * x + y, *[side, 96 - side] * (side - 1), side]
            annotation["segmentation"] = {"size": [96, 128], "counts": [*column, 96 * 128 - sum(column)]}
    source.labels.write_text(json.dumps(data))


@pytest.mark.usefixtures("tiny")
def test_masks_are_learnt_from_outlines(
    source: Source, tmp_path: Path, learnt_from: Learnt, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody's is refused in one line, on either side; somebody's is told; the box is no outline of anybody's."""

    def train(tasks: str = "od,is") -> tuple[str, dict[str, Any]]:
        capsys.readouterr()
        wanted = mask_rcnn.parse_tasks(tasks)
        train_on_scenes("mask-rcnn", tmp_path / "x", [source], SKELETON, SceneSchedule(), tasks=wanted)
        return capsys.readouterr().out, learnt_from[-1][2]

    whole = source.labels.read_text()
    for packed in (False, True):
        source.labels.write_text(whole)
        with_segmentations(source, outlined=set(range(1, 11)), packed=packed)
        said, about = train()
        assert "outline" not in said and "without_outline" not in about
    with_segmentations(source, outlined={1, 2, 9}, packed=True)
    said, about = train()
    assert [line for line in said.splitlines() if "outline" in line] == [
        "6 of 8 people to train on have no outline: their box stands for it",
        "1 of 2 people to validate on have no outline: AP of masks is that of the others",
    ]
    assert about["without_outline"] == {"train": [6, 8], "validate": [1, 2]}
    said, about = train("od,hpe")
    assert "outline" not in said and "without_outline" not in about
    for outlined, side in ((set(), "4 photos to train"), ({9, 10}, "4 photos to train"), ({1}, "1 photos to validate")):
        source.labels.write_text(whole)
        with_segmentations(source, outlined=outlined)
        with pytest.raises(ModelError) as error:
            train("od,is,hpe")
        assert str(error.value) == (
            f"{source.labels}: nobody on the {side} on has an outline (polygons or RLE), expected at least one to learn masks, "
            "or --tasks od,hpe"
        )
        train("od")


@pytest.mark.parametrize("model", ["mask-rcnn", "bottom-up"])
def test_published_weights_start_a_model_of_their_backbone(
    model: str, source: Source, tmp_path: Path, learnt_from: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a `.pth` file, or downloaded; without a name of the backbone it is refused."""
    seen: list[SceneTask] = []
    made = scene_files.make_scene_task

    def watched(*args: Any, **more: Any) -> SceneTask:
        seen.append(made(*args, **more))
        return seen[-1]

    monkeypatch.setattr(scene_files, "make_scene_task", watched)
    published = make_backbone("resnet18").network.state_dict()
    file = tmp_path / "resnet18.pth"
    torch.save(published, file)

    def train(**more: Any) -> None:
        train_on_scenes(model, tmp_path / "x", [source], SKELETON, SceneSchedule(), quiet=True, **more)
        config = seen[-1].describe()["config"]
        assert (config["backbone"], config["mean"]) == ("resnet18", (0.485, 0.456, 0.406))
        kept = [t for name, t in seen[-1].network.state_dict().items() if name.endswith("layer3.0.conv1.weight")]
        assert len(kept) == 1 and torch.equal(kept[0], published["layer3.0.conv1.weight"])

    train(init=file, backbone="resnet18")
    assert len(learnt_from[-1][2]["init"]) == 64
    monkeypatch.setattr(scene_files, "published_backbone", lambda name: Checkpoint(Path(name), published, {}, "f" * 64))
    train(pretrained=True, backbone="resnet18")
    assert learnt_from[-1][2]["init"] == "f" * 64
    with pytest.raises(
        ModelError, match=r"resnet18.pth: tensor 'backbone\..*' is missing, expected the backbone's weights"
    ):
        train(init=file)
    with pytest.raises(ModelError, match=r"^backbone 'nonesuch': .*expected a timm network with features at strides"):
        train(backbone="nonesuch")


@pytest.mark.parametrize("model", ["mask-rcnn", "bottom-up"])
def test_what_the_command_refuses_in_one_line(
    model: str,
    source: Source,
    tmp_path: Path,
    learnt_from: Learnt,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    whole = json.loads(source.labels.read_text())

    def refused(said: str, *more: object) -> None:
        given = "train", model, "--data", source.labels, tmp_path, "--out", tmp_path / "run"
        status, _, error = run(*given, *more)
        assert status == 1 and len(error.splitlines()) == 1 and error.startswith(f"labeltool: {said}")

    def with_people(**changed: object) -> None:
        rows = [{**a, **changed} for a in whole["annotations"]]
        source.labels.write_text(json.dumps({**whole, "annotations": rows}))

    with_people(bbox=None)
    refused(
        f"{source.labels}: annotation (id 1) on 000.png: bbox is null, expected four finite numbers with width and height above 0"
    )
    with_people(keypoints=[0] * 9)
    refused(f"{source.labels}: no person with labelled joints of skeleton lsp-14, expected at least one")
    with_people()
    for name, content, said in (
        ("a.safetensors", b"garbage", "not a safetensors checkpoint: "),
        (
            "a.pth",
            b"PK\x03\x04garbage",
            "not a weights file: it is damaged, or holds more than tensors, expected .safetensors",
        ),
        ("b.pth", b"", "not a weights file: it is empty, expected .safetensors or torchvision's .pth"),
    ):
        (tmp_path / name).write_bytes(content)
        refused(f"{tmp_path / name}: {said}", "--init", tmp_path / name)
    refused(f"{tmp_path / 'no.pth'}: weights cannot be read: No such file or directory", "--init", tmp_path / "no.pth")
    other = HeatmapConfig(OTHER, backbone="test_efficientnet", side=64, channels=16)
    rest = {k: t for k, t in HeatmapNetwork(other).state_dict().items() if not k.startswith("backbone.")}
    write_checkpoint(tmp_path / "rest.safetensors", rest, {"model": "heatmap", "config": other.to_json()})
    within = "backbone.backbone" if model == "mask-rcnn" else "backbone"
    refused(
        f"{tmp_path / 'rest.safetensors'}: tensor '{within}.conv_stem.weight' is missing, expected the backbone's weights",
        "--init",
        tmp_path / "rest.safetensors",
    )
    assert not learnt_from and not (tmp_path / "run").exists()
    given = "--data", source.labels, tmp_path, "--out", tmp_path / "run", "--init", "shipped", "--pretrained"
    status, _, error = run("train", model, *given)
    assert status == 2 and "--pretrained and --init both say what to start from" in error


@pytest.mark.parametrize("model", ["mask-rcnn", "bottom-up"])
def test_a_checkpoint_of_other_joints_gives_all_but_theirs(
    model: str, source: Source, tmp_path: Path, learnt_from: Learnt, run: Callable[..., tuple[int, str, str]]
) -> None:
    """It is no error, and one line says how much of it is used."""
    torch.manual_seed(0)
    task = make_scene_task(model, OTHER, backbone="test_efficientnet")
    start = tmp_path / "other.safetensors"
    write_checkpoint(start, task.network.state_dict(), task.describe())
    given = "train", model, "--data", source.labels, tmp_path, "--out", tmp_path / "run", "--init", start
    status, said, error = run(*given)
    assert (status, error, len(learnt_from)) == (0, "", 1)
    assert (
        "other.safetensors knows other: 0 of 14 joints of lsp-14 start from the joint of the same name, 14 by chance"
        in said
    )
