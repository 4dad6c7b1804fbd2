"""The loop closes: a project trains its next version, is filled by it, and holds it against the one before."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from labeltool.coco.document import keypoints_of
from labeltool.errors import ModelError, ProjectError
from labeltool.formats.coco import read_coco
from labeltool.models import heatmap
from labeltool.models.bottom_up import BottomUpConfig, BottomUpNetwork
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.models.weights import Checkpoint, load_into, read_checkpoint, write_checkpoint
from labeltool.project import Project
from labeltool.project.versions import (
    current_version,
    learnt_people,
    next_number,
    register_version,
    versions,
    weights_of,
)
from labeltool.skeleton import COCO_17, LSP_14, define
from labeltool.training.card import share
from labeltool.training.from_files import kept_size, make_task
from labeltool.training.loop import detection_rate
from labeltool.training.samples import Person, cut_out
from labeltool.training.sources import Source, read_source, split_for_good
from labeltool.training.starting import by_joint, people_behind, unlearnt_joints
from labeltool.training.versions import plan_version

Run = Callable[..., tuple[int, str, str]]
QUICK = ("--stages", "1@32", "--batch", 8)


def detection_rate_of(weights: Path, project: Path) -> tuple[float, int]:
    """PDJ@0.2 of a heatmap checkpoint on the people of a project that are validated on, and how many those are."""
    unseen = split_for_good(read_source(Source(project), LSP_14), "p")[1]
    task = make_task("heatmap", LSP_14, start=read_checkpoint(weights))
    load_into(task.network, read_checkpoint(weights).tensors, str(weights))
    samples = cut_out(unseen, size=kept_size(task.size), reach=task.padding * 1.35, quiet=True)
    return detection_rate(task, task.network, samples), len(unseen)


def make_project(folder: Path, data: Path, blind_share: float = 0.4) -> Path:
    """The sample figures, whose labels a labeller called ann has seen."""
    imported = read_coco(data / "images", data / "annotations.json", LSP_14)
    Project.create(folder, imported.document, imported.image_root, LSP_14, blind_share=blind_share).close()
    label(folder, data, lambda number, labelled: labelled)
    return folder


def label(folder: Path, data: Path, wanted: Callable[[int, bool], bool]) -> None:
    """Gives people the joints of truth.json: whom `wanted(annotation id, is labelled or blind)` names."""
    truth = {a["id"]: a for a in json.loads((data / "truth.json").read_text())["annotations"]}
    with Project.open(folder) as project:
        for image in project.images():
            for person in project.people(image.id):
                known = person.blind or person.has_human_joints
                if person.touched or person.annotation_id not in truth or not wanted(person.annotation_id, known):
                    continue
                xy, v = keypoints_of(truth[person.annotation_id], 14)
                joints = {n: (*xy[k].tolist(), int(v[k])) for k, n in enumerate(LSP_14.joints) if v[k] > 0}
                edit = f"{person.id}-{person.revision}"
                project.save(person.id, base=person.revision, author="ann", edit_id=edit, joints=joints)


@pytest.fixture
def figures(repo: Path) -> Path:
    return repo / "datasets" / "figures"


@pytest.fixture
def project(tmp_path: Path, figures: Path) -> Path:
    return make_project(tmp_path / "p", figures)


def blind_joints(folder: Path) -> dict[int, object]:
    with Project.open(folder) as project:
        people = [p for image in project.images() for p in project.people(image.id)]
        return {p.id: p.joints for p in people if p.blind}


@pytest.mark.slow
def test_the_loop_closes(project: Path, figures: Path, run: Run) -> None:
    assert blind_joints(project), "somebody is blind"
    before = blind_joints(project)
    assert run("prefill", project)[0] == 0
    assert "no version yet" in run("models", project)[1]

    # the command as the issue writes it, a model without a name, and no folder
    status, said, error = run("train", "--data", project, "--init", "current", *QUICK)
    assert status == 0, error
    assert "from the shipped heatmap-lsp14.safetensors" in said and "heatmap@project-1: " in said
    (first,) = versions(project)
    weights = weights_of(project, first)
    assert read_checkpoint(weights).description["version"] == "project-1"
    assert (project / "models" / "heatmap-1" / "card.md").read_text().startswith("# heatmap project-1")
    assert first.measure == "pdj@0.2" and first.held_out > 0 and first.skeleton == "lsp-14"
    # what the shipped model reached on the same people is told beside it
    start, unseen = detection_rate_of(heatmap.SHIPPED, project)
    assert first.held_out == unseen and first.before == pytest.approx(start, abs=0.02)
    assert first.score is not None and f"pdj@0.2 {first.score:.3f} ({first.before:.3f} before)" in said
    assert f"{first.before:.3f} before" in run("models", project)[1]
    card = (project / "models" / "heatmap-1" / "card.md").read_text()
    assert f"| PDJ@0.2 of what it started from | {share(first.before)} |" in card
    assert not list((project / "models" / "runs").iterdir()), "the run's folder is gone"
    assert "current" in run("models", project)[1]
    (listed,) = json.loads(run("models", project, "--json")[1])
    assert listed["version"] == "project-1" and (project / listed["file"]) == weights
    assert listed["before"] == first.before

    # it learnt from touched people, from nobody blind, and not from those it was validated on
    with Project.open(project) as opened:
        by_id = {p.id: p for image in opened.images() for p in opened.people(image.id)}
    assert first.learnt and all(by_id[p].touched and not by_id[p].blind for p in first.learnt)
    kept, unseen = split_for_good(read_source(Source(project), LSP_14), "p")
    assert sorted(first.learnt) == sorted(p.number for p in kept if p.number is not None)
    assert first.held_out == len(unseen) and set(first.validated) == {p.number for p in unseen}
    assert not set(first.learnt) & {p.number for p in unseen}

    # it has pre-filled whom nobody has touched, and left the blind as they are
    assert re.search(r"\nheatmap@project-1: \d+ people in \d+ photos", said)
    assert run("prefill", project)[1].startswith("heatmap@project-1: 0 people in 0 photos")
    with Project.open(project) as opened:
        for person in (p for image in opened.images() for p in opened.people(image.id)):
            predicted = [j for j in person.joints.values() if j.source == "predicted" and j.v > 0]
            if person.touched or person.blind or person.crowd:
                assert not predicted and person == by_id[person.id]
            else:
                assert predicted and opened.history(person.id)[-1].author == "model:heatmap@project-1"
    assert blind_joints(project) == before

    # versions are held against each other, on people that neither learnt from
    status, said, error = run("audit", project, "--model", "heatmap@project-1", "--versus", "heatmap@6", "--json")
    assert status == 0, error
    result = json.loads(said)
    assert result["taught"] == len(first.learnt)
    with Project.open(project) as opened:
        everybody = [p for image in opened.images() for p in opened.people(image.id)]
        labelled = sum(any(j.is_human and j.v > 0 for j in p.joints.values()) for p in everybody)
        assert result["people"] == labelled - len(first.learnt) and "comparison" in result
    said = run("audit", project, "--model", "heatmap@project-1", "--versus", "heatmap@6")[1]
    assert f"{len(first.learnt)} labelled people that heatmap@project-1 or heatmap@6 learnt from: left out." in said
    status, _, error = run("audit", project, "--model", "heatmap", "--versus", "heatmap@project-1")
    assert status == 1 and "are the same run, expected two of heatmap@6, heatmap@project-1" in error

    # more labels, the next version: from the first, which goes on counting as taught
    label(project, figures, lambda number, known: number % 2 == 0)
    status, said, error = run("train", "--data", project, "--init", "current", "--no-prefill", *QUICK)
    assert status == 0, error
    assert "from heatmap@project-1" in said and f"labeltool prefill {project} fills" in said
    second = current_version(project)
    assert second is not None and second.name == "heatmap@project-2" and second.parent == "project-1"
    assert read_checkpoint(weights_of(project, second)).description["init"] == first.sha256
    assert set(first.learnt) <= set(second.learnt) and len(second.learnt) > len(first.learnt)
    # behind it stand all whom the shipped weights learnt from, and its own people once
    shipped = people_behind(read_checkpoint(heatmap.SHIPPED).description)
    third = plan_version(project, "heatmap")
    assert shipped is not None and third.known == shipped + len(second.learnt)
    assert third.usual()["rate"] == 1e-4, "what it knew stays"
    assert run("prefill", project)[1].startswith("heatmap@project-2: ")
    status, said, error = run(
        "audit", project, "--model", "heatmap@project-2", "--versus", "heatmap@project-1", "--json"
    )
    assert status == 0 and json.loads(said)["taught"] == len(second.learnt), error


def test_photos_to_validate_on_stay_the_same_as_labels_grow(figures: Path) -> None:
    everybody = read_source(Source(figures / "truth.json", figures / "images"), LSP_14)
    photos = list(dict.fromkeys(p.photo for p in everybody))
    for count in range(2, len(photos) + 1):
        some = [p for p in everybody if p.photo in photos[:count]]
        kept, unseen = split_for_good(some, "p")
        assert kept and unseen and len(kept) + len(unseen) == len(some)
        assert not {p.photo for p in kept} & {p.photo for p in unseen}
        if count > 2 and len({p.photo for p in unseen}) > 1:
            assert {p.photo for p in split_for_good(everybody, "p")[1]} >= {p.photo for p in unseen}
    with pytest.raises(ModelError, match="labelled people on 1 photo, expected at least 2"):
        split_for_good([p for p in everybody if p.photo == photos[0]], "p")


def test_photos_that_are_validated_on_teach_no_later_version() -> None:
    """One person a photo; from 2,500 labelled people on the fifth by lot is more than are validated on."""
    everybody = [
        Person(Path(f"im{n:05}.jpg"), np.array([0.0, 0, 9, 9]), np.zeros((14, 2)), np.full(14, 2)) for n in range(6000)
    ]
    everybody = [replace(p, number=n) for n, p in enumerate(everybody)]
    apart: set[int] = set()
    for count in (2, 3, 10, 100, 1000, 2000, 3000, 4000, 6000):
        kept, unseen = split_for_good(everybody[:count], "p", apart)
        assert kept and unseen
        if count > 3:
            assert not {p.number for p in kept if p.number is not None} & apart, count
        apart |= {p.number for p in unseen if p.number is not None}
        assert len(unseen) == min(count - len(kept), 500)
        assert abs(count - len(kept) - count / 5) < 3 * (count * 0.16) ** 0.5 + 1
    crowd = [replace(p, photo=Path("im00000.jpg")) for p in everybody[:700]]
    assert all(split_for_good([*crowd, everybody[1]], "p")), "a photo of more people than are validated on"


def fake(folder: Path, project: Path, seed: int, **more: object) -> dict[str, object]:
    path = folder / f"{seed}.safetensors"
    write_checkpoint(path, {"a": torch.full((4,), float(seed))}, {"model": "heatmap"})
    (folder / "card.md").write_text(f"card {seed}")
    return {
        "model": "heatmap", "number": next_number(project), "skeleton": "lsp-14", "parent": "abc", "people": 3, "held_out": 1,
        "score": 0.5, "measure": "pdj@0.2", "learnt": [1, 2], "beside": [folder / "card.md", folder / "none.svg"],
        "project": project, "checkpoint": path, **more,
    }  # fmt: skip


def test_registering_is_told_once_and_numbers_are_taken_once(project: Path, tmp_path: Path) -> None:
    assert versions(project) == [] and current_version(project) is None and next_number(project) == 1
    given = fake(tmp_path, project, 1)
    made = register_version(**given)  # type: ignore[arg-type]
    assert register_version(**given) == made and versions(project) == [made]  # type: ignore[arg-type]
    assert (project / "models" / "heatmap-1" / "card.md").read_text() == "card 1"
    assert learnt_people(project, [("heatmap", "project-1", made.sha256)]) == {1, 2}
    assert learnt_people(project, [("heatmap", "1", "0" * 64)]) == frozenset()
    with pytest.raises(ProjectError, match="version project-1 was registered meanwhile"):
        register_version(**fake(tmp_path, project, 2, number=1))  # type: ignore[arg-type]
    other = register_version(**fake(tmp_path, project, 3, model="bottom-up"))  # type: ignore[arg-type]
    assert other.name == "bottom-up@project-2"
    assert current_version(project) == other and current_version(project, "heatmap") == made
    with pytest.raises(ProjectError, match="expected a name of letters"):
        register_version(**fake(tmp_path, project, 4, model="../x"))  # type: ignore[arg-type]
    weights_of(project, made).unlink()
    with pytest.raises(
        ProjectError, match=r"heatmap-1.safetensors: missing, expected the checkpoint of heatmap@project-1"
    ):
        weights_of(project, made)
    for text in ("{", "[]", '{"versions": [{"model": "x"}]}', '{"versions": 3}'):
        (project / "models" / "versions.json").write_text(text)
        with pytest.raises(ProjectError, match=r"versions.json: "):
            versions(project)


_KILLED = """
import os, signal, sys
from pathlib import Path
from labeltool.project import versions
count = 0
real = versions._write
def write(path, data):
    global count
    if count == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    count += 1
    real(path, data)
versions._write = write
versions.register_version(
    Path(sys.argv[1]), Path(sys.argv[2]), model="heatmap", number=1, skeleton="lsp-14", parent="abc", people=3, held_out=1,
    score=0.5, measure="pdj@0.2", learnt=[1], beside=[Path(sys.argv[2]).parent / "card.md"],
)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_kill_between_copy_and_record_leaves_a_project_that_goes_on(project: Path, tmp_path: Path) -> None:
    given = fake(tmp_path, project, 5)
    for write in range(3):  # before the checkpoint, before the card, before the record
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, str(project), str(given["checkpoint"]), str(write)],
            env=os.environ,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        assert versions(project) == [] and next_number(project) == 1
    assert weights_of(project, register_version(**given)).is_file()  # type: ignore[arg-type]
    assert [v.name for v in versions(project)] == ["heatmap@project-1"]


def test_a_photo_that_is_done_meanwhile_begins_another_run_of_whole_photos(project: Path) -> None:
    """The folder of a run is found again by what is learnt from: touched people, or the photos that are done."""
    before = {model: plan_version(project, model).folder([]) for model in ("heatmap", "mask-rcnn")}
    with Project.open(project) as opened:
        waiting = next(image for image in opened.images() if image.status != "done")
        opened.set_status(waiting.id, "done", "ann")
    assert plan_version(project, "heatmap").folder([]) == before["heatmap"]
    assert plan_version(project, "mask-rcnn").folder([]) != before["mask-rcnn"]


def test_misuse_of_current_is_one_line(project: Path, figures: Path, tmp_path: Path, run: Run) -> None:
    files = ("--data", figures / "truth.json", figures / "images")
    for arguments, message in (
        (("train", "heatmap", *files, "--init", "current"), "--init current goes with a project as the first --data"),
        (("train", "heatmap", *files), "Missing option '--out'"),
        (("train", "--data", project, "--init", "current", "--version", "3"), "--version goes without --init current"),
        (
            ("train", "mask-rcnn", "--data", project, "--init", "current", "--tasks", "od,is"),
            "--init current makes a version that pre-fills joints, expected hpe among --tasks od,is",
        ),
        (("train", "--data", tmp_path / "no", "--init", "current"), f"--data {tmp_path / 'no'}: no project (it has"),
        (("train", "--init", "current", f"--data={tmp_path}"), f"--data {tmp_path}: no project (it has"),
        (("train", "alexnet", *files), "No such command 'alexnet'"),
        (("train", "heatmap", *files, "--tasks", "od", "--out", tmp_path / "o"), "No such option"),
    ):
        status, _, error = run(*arguments)
        assert status == 2 and message in error
    empty = tmp_path / "empty"
    assert run("init", empty, "--images", figures / "images", "--skeleton", "lsp-14")[0] == 0
    status, _, error = run("train", "--data", empty, "--init", "current")
    assert (status, error.count("\n")) == (1, 1)
    assert "no person whom a human has labelled or checked" in error
    register_version(**fake(tmp_path, project, 1))  # type: ignore[arg-type]
    out = tmp_path / "run"
    out.mkdir()
    (out / "best.safetensors").write_bytes((tmp_path / "1.safetensors").read_bytes())
    status, _, error = run("train", "--data", project, "--init", "current", "--out", out)
    assert status == 1 and "holds the training of heatmap@project-1, expected another --out, or none" in error
    (project / "models" / "heatmap-1.safetensors").unlink()
    for command in (("prefill", project), ("train", "--data", project, "--init", "current"), ("serve", project)):
        status, _, error = run(*command)
        assert (status, error.count("\n")) == (1, 1) and "missing, expected the checkpoint of" in error


def test_the_same_labels_and_settings_find_a_stopped_run_again(project: Path, figures: Path) -> None:
    plan = plan_version(project, "heatmap")
    assert plan.folder({"rate": 1}) == plan_version(project, "heatmap").folder({"rate": 1})
    assert plan.folder({"rate": 1}) != plan.folder({"rate": 2})
    label(project, figures, lambda number, known: True)
    more = plan_version(project, "heatmap")
    assert more.people > plan.people and more.folder({"rate": 1}) != plan.folder({"rate": 1})


def test_a_young_model_takes_larger_steps_than_one_that_has_seen_many_more_people(project: Path) -> None:
    plan = plan_version(project, "heatmap")
    assert plan.known is not None and plan.known > 8000, "what the shipped checkpoint says that it learnt from"
    careful, bold = {"epochs": 8, "batch": 16, "rate": 1e-4}, {"epochs": 16, "batch": 16, "rate": 1.5e-3}
    assert plan.anew == 0 and replace(plan, people=400).usual() == careful
    epochs = [replace(plan, people=people).usual()["epochs"] for people in (1, 50, 100, 200, 325, 1999, 2000)]
    assert epochs == [32, 32, 26, 13, 8, 8, 4], "some 160 steps at least, unless that is more than 32 passes"
    other = plan_version(project, "heatmap", COCO_17)
    assert other.anew == 5 and other.usual()["rate"] == 5e-4, "nose, eyes and ears are yet to be learnt"
    assert replace(plan, people=1000, known=4000).usual() == bold
    assert replace(plan, people=1000, known=4001).usual() == careful
    assert replace(plan, people=1000, known=None).usual() == careful, "a checkpoint that says nothing"
    assert replace(plan, people=1000, known=0).usual() == bold, "heads that start by chance"
    assert replace(plan, people=2000, known=4000).usual() == {"epochs": 8, "batch": 32, "rate": 1.5e-3}
    new = plan_version(project, "mask-rcnn")
    assert new.known == 0, "it starts from the heatmap model's backbone"
    assert new.usual() == {}, "trained like any new one"
    assert replace(new, known=10**6).usual() == {"epochs": 8, "rate": 5e-4}


OTHER = define("other", ["right_hip", "left_shoulder", "tail", "head"], torso=("left_shoulder", "right_hip"))


def checkpoint_of(network: torch.nn.Module, model: str, config: object) -> Checkpoint:
    plain = config.to_json()  # type: ignore[attr-defined]
    return Checkpoint(Path("old.safetensors"), network.state_dict(), {"model": model, "config": plain}, "0" * 64)


def test_joints_of_the_same_name_start_from_what_was_known_of_them() -> None:
    torch.manual_seed(0)
    small = HeatmapConfig(LSP_14, backbone="test_efficientnet", channels=8)
    old, new = HeatmapNetwork(small), HeatmapNetwork(HeatmapConfig(OTHER, backbone="test_efficientnet", channels=8))
    fresh = new.head.weight.detach().clone()
    start, told = by_joint(checkpoint_of(old, "heatmap", small), "heatmap", new, OTHER)
    assert told == (
        "old.safetensors knows lsp-14: 3 of 4 joints of other start from the joint of the same name, 1 by chance"
    )
    weight = start.tensors["head.weight"]
    for own, known in (("right_hip", "right_hip"), ("left_shoulder", "left_shoulder"), ("head", "head_top")):
        assert torch.equal(weight[OTHER.index(own)], old.head.weight[LSP_14.index(known)])
    assert torch.equal(weight[2], fresh[2])
    same, told = by_joint(checkpoint_of(old, "heatmap", small), "heatmap", old, LSP_14)
    assert told == "" and same.tensors["head.weight"] is not None
    backbone = Checkpoint(Path("b.safetensors"), {"x": torch.zeros(1)}, {}, "")
    assert by_joint(backbone, "heatmap", new, OTHER) == (backbone, "")


def test_deeppose_moves_whole_blocks_by_name_and_bottom_up_its_offsets() -> None:
    torch.manual_seed(0)
    config = DeepPoseConfig(LSP_14, backbone="test_efficientnet", hidden=16, channels=8)
    new = DeepPoseNetwork(DeepPoseConfig(OTHER, backbone="test_efficientnet", hidden=16, channels=8))
    old = DeepPoseNetwork(config)
    with torch.no_grad():
        old.joints.weight.normal_()
    start, _ = by_joint(checkpoint_of(old, "deeppose", config), "deeppose", new, OTHER)
    weight = start.tensors["joints.weight"]
    assert weight.shape == new.joints.weight.shape
    a, b = LSP_14.index("right_hip"), LSP_14.index("left_shoulder")
    assert torch.equal(weight[0:2, :16], old.joints.weight[2 * a : 2 * a + 2, :16])
    cells = (old.joints.weight.shape[1] - 16) // 14
    assert torch.equal(
        weight[2:4, 16 : 16 + cells], old.joints.weight[2 * b : 2 * b + 2, 16 + cells * a : 16 + cells * (a + 1)]
    )
    maps = BottomUpConfig(LSP_14, backbone="test_efficientnet", channels=8)
    scenes = BottomUpNetwork(maps)
    other = BottomUpNetwork(BottomUpConfig(OTHER, backbone="test_efficientnet", channels=8))
    tensors = by_joint(checkpoint_of(scenes, "bottom-up", maps), "bottom-up", other, OTHER)[0].tensors
    assert torch.equal(tensors["head.weight"][0], scenes.head.weight[a])
    assert torch.equal(tensors["head.weight"][4], scenes.head.weight[14]), "the centre's map"
    assert torch.equal(tensors["offsets.weight"][0:2], scenes.offsets.weight[2 * a : 2 * a + 2])


def test_heads_of_another_kind_of_model_are_left_alone() -> None:
    """Heatmap's 15 maps are as many rows as bottom-up's 14 and its centre, and mean something else."""
    config = HeatmapConfig(define("one more", [*LSP_14.joints, "tail"]), backbone="test_efficientnet", channels=8)
    old = HeatmapNetwork(config)
    new = BottomUpNetwork(BottomUpConfig(LSP_14, backbone="test_efficientnet", channels=8))
    start, told = by_joint(checkpoint_of(old, "heatmap", config), "bottom-up", new, LSP_14)
    assert "head.weight" not in start.tensors and "decoder.0.lateral.weight" in start.tensors
    assert told.endswith(" is of heatmap: every joint's head starts by chance")


def test_joints_that_nobody_labelled_are_not_learnt() -> None:
    labelled = torch.ones(5, 14, dtype=torch.bool)
    labelled[:, 2] = False
    labelled[1:, 3] = False
    assert unlearnt_joints(labelled, None, "heatmap", LSP_14) == (LSP_14.joints[2],)
    config = HeatmapConfig(LSP_14, backbone="test_efficientnet", channels=8)
    start = checkpoint_of(HeatmapNetwork(config), "heatmap", config)
    assert unlearnt_joints(labelled, start, "heatmap", LSP_14) == (), "the checkpoint knows it"
    assert unlearnt_joints(labelled, start, "deeppose", LSP_14) == (LSP_14.joints[2],)
    unsure = replace(config, unlearnt=(LSP_14.joints[2],))
    start = checkpoint_of(HeatmapNetwork(unsure), "heatmap", unsure)
    assert unlearnt_joints(labelled, start, "heatmap", LSP_14) == (LSP_14.joints[2],)
    seen = unlearnt_joints(torch.zeros(1, 17, dtype=torch.bool), start, "heatmap", COCO_17)
    assert set(seen) >= {"nose", "left_eye", LSP_14.joints[2]} and "left_shoulder" not in seen


def test_as_many_joints_in_another_order_are_told_apart() -> None:
    turned = define("turned", list(reversed(LSP_14.joints)))
    config = HeatmapConfig(LSP_14, backbone="test_efficientnet", channels=8)
    old, new = HeatmapNetwork(config), HeatmapNetwork(HeatmapConfig(turned, backbone="test_efficientnet", channels=8))
    weight = by_joint(checkpoint_of(old, "heatmap", config), "heatmap", new, turned)[0].tensors["head.weight"]
    assert torch.equal(weight, old.head.weight.flip(0))
    assert COCO_17.torso is not None
