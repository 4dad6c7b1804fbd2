"""The shipped top-down models on people they were never trained on: PDJ and PCP on LSP-extended im08501..im09000.

The person box is the tight box of the labelled joints; the models pad it by 1.25. The rival is the mean pose: each joint where
it lies on average in these people's boxes, what a model that saw nothing could answer at best. `--rendered` measures on
rendered figures instead, 200 pictures of each of ten seeds that no model was trained on: 300 people of one seed are too few to
tell .95 from .94, as the line by seed shows. The shipped confidences were fitted on im08501..im09000:
`cross-fitted` is what a curve is worth that is fitted anew on four fifths of the photos and measured on the last, five times
over. BlazePose, when asked for, has no neck and no head top: they count as wrong, and a line tells what it is worth without
them. `--failures DIR` keeps a sheet of the twelve people whom each model is farthest from: those of the rendered figures are on
the pages in docs/models (the photos are not ours to publish).

    python benchmarks/lspet.py [--model NAME ...] [--lspet DIR] [--weights FILE] [--rendered] [--seeds N] [--failures DIR]
        [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.audit.people import FloatArray
from labeltool.geometry import denormalise, normalise
from labeltool.models.base import PoseModel
from labeltool.models.catalog import load_model
from labeltool.skeleton import LSP_14, Skeleton, convert
from labeltool.training.calibration import fit_logistic
from labeltool.training.card import failure_sheet, failures
from labeltool.training.measuring import RIGHT_WITHIN, Answers, Worth, ask, worth
from labeltool.training.samples import Person
from labeltool.training.sources import read_people

ROOT = Path(__file__).resolve().parent.parent
LSPET = ROOT.parent / "shared" / "data" / "lspet"
MODELS = ("heatmap", "heatmap-flip", "deeppose")
#: Seeds from 100000 up are for training; these are not among those that were used, nor that by which passes were chosen.
SEEDS = range(900_000, 900_010)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="The shipped top-down models on im08501..im09000 of LSP-extended.")
    parser.add_argument(
        "--model", action="append", choices=(*MODELS, "blazepose"), help="only this one; may be given several times"
    )
    parser.add_argument("--lspet", type=Path, default=LSPET, help="folder with images/ and joints.mat")
    parser.add_argument("--weights", type=Path, help="another checkpoint than the shipped one, of the one --model")
    parser.add_argument(
        "--rendered", action="store_true", help="on rendered pictures of unseen seeds instead, 200 each"
    )
    parser.add_argument(
        "--seeds", type=int, choices=range(1, len(SEEDS) + 1), metavar="N", help="the first N of ten seeds"
    )
    parser.add_argument("--failures", type=Path, metavar="DIR", help="write a sheet failures-NAME.jpg for each model")
    parser.add_argument("--quick", action="store_true", help="100 people only, or 20 pictures of one seed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    names = options.model or list(MODELS)
    if options.weights is not None and len(names) != 1:
        parser.error("--weights goes with one --model")
    if options.seeds and not options.rendered:
        parser.error("--seeds goes with --rendered")
    with tempfile.TemporaryDirectory() as folder:
        if options.rendered:
            seeds = SEEDS[: options.seeds or (1 if options.quick else len(SEEDS))]
            people = rendered_people(Path(folder), seeds, 20 if options.quick else 200)
        else:
            people = read_people(options.lspet / "joints.mat", options.lspet / "images", LSP_14)[
                -(100 if options.quick else 500) :
            ]
        found: dict[str, Worth] = {}
        anew: dict[str, dict[str, float]] = {}
        hashes = {}
        for name in names:
            model = load_model(name, weights=options.weights)
            hashes[name] = model.weights_hash
            answers = in_lsp(model, ask(model, people, quiet=options.json))
            found[name] = worth(people, answers, LSP_14)
            anew[name] = cross_fitted(people, answers, found[name])
            if options.failures is not None:
                options.failures.mkdir(parents=True, exist_ok=True)
                sheet = options.failures / f"failures-{name}.jpg"
                sheet.write_bytes(failure_sheet(failures(people, answers, found[name], LSP_14)))
    found["mean pose"] = worth(people, mean_pose(people), LSP_14)
    if options.json:
        told = {
            name: {
                **numbers(w),
                **anew.get(name, {}),
                **predicted_alone(w),
                **by_visibility(people, w),
                "by_folder": by_folder(people, w),
            }
            for name, w in found.items()
        }
        print(json.dumps({"people": len(people), "weights": hashes, **told}))
        return
    show(people, found, anew)


def show(people: Sequence[Person], found: dict[str, Worth], anew: dict[str, dict[str, float]]) -> None:
    """Prints two tables."""
    print(f"{len(people)} people, {people[0].photo.name} to {people[-1].photo.name}")
    print(
        f"{'':<14}{'PDJ@0.2':>9}{'95 % interval':>17}{'PDJ@0.1':>9}{'PDJ@0.5':>9}{'PCP@0.5':>9}{'ECE':>7}{'third':>7}"
    )
    for name, w in found.items():
        n = numbers(w)
        ends = f"{w.pdj.low:.3f} to {w.pdj.high:.3f}"
        print(
            f"{name:<14}{n['pdj@0.2']:>9.3f}{ends:>17}{n['pdj@0.1']:>9.3f}{n['pdj@0.5']:>9.3f}{n['pcp@0.5']:>9.3f}"
            f"{shown(n['ece']):>7}{shown(n['misses_in_third']):>7}"
        )
    for name, fitted in anew.items():
        print(
            f"{name}, confidence cross-fitted: ECE {fitted['ece_cross']:.3f}, third {fitted['misses_in_third_cross']:.3f}"
        )
    for name, w in found.items():
        told = predicted_alone(w)
        if told:
            print(f"{name}: {told['pdj@0.2_predicted']:.3f} of the {told['joints_predicted']} joints that it predicts")
    for name, w in found.items():
        seen = by_visibility(people, w)
        if seen:
            print(
                f"{name}: visible joints {seen['pdj@0.2_visible']:.3f}, hidden ones {seen['pdj@0.2_hidden']:.3f}, those of "
                f"{seen['people_in_open_view']} people without a hidden one {seen['pdj@0.2_open_view']:.3f}"
            )
    for name, w in found.items():
        if len(each := by_folder(people, w)) > 1:
            print(f"{name}, seed by seed: {' '.join(f'{pdj:.3f}' for pdj in each.values())}")
    print(
        "\nPDJ@0.2 by joint; ECE: expected calibration error; third: share of misses among the third of lowest confidence"
    )
    print(f"{'joint':<16}{'n':>6}" + "".join(f"{name:>14}" for name in found))
    for rows in zip(*(w.audit.joints for w in found.values()), strict=True):
        print(f"{rows[0].joint:<16}{rows[0].pdj_n:>6}" + "".join(f"{row.pdj:>14.3f}" for row in rows))


def shown(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def numbers(w: Worth) -> dict[str, Any]:
    """The figures as plain numbers; None for those that a rival without confidence has not."""
    at = dict(zip(w.audit.pdj.thresholds, w.audit.pdj.overall, strict=True))
    return {
        "pdj@0.1": round(at[0.1], 6),
        "pdj@0.2": round(at[0.2], 6),
        "pdj@0.2_interval": [round(w.pdj.low, 6), round(w.pdj.high, 6)],
        "pdj@0.5": round(at[0.5], 6),
        "pcp@0.5": round(w.audit.pcp_overall, 6),
        "coverage": round(w.audit.pdj.coverage, 6),
        "ece": None if math.isnan(w.calibration_error) else round(w.calibration_error, 6),
        "misses_in_third": None if math.isnan(w.misses_in_third) else round(w.misses_in_third, 6),
    }


def cross_fitted(people: Sequence[Person], answers: Answers, w: Worth) -> dict[str, float]:
    """Calibration error and misses in the lowest third, of confidences fitted on four fifths of the photos, measured on the last.

    The curve is the one that trainings fit (`labeltool.training.calibration`), over the logit of the confidence as it is.
    """
    order = {photo: n for n, photo in enumerate(dict.fromkeys(person.photo for person in people))}
    fold = np.array([order[person.photo] % 5 for person in people])
    x = np.clip(answers.confidence, 1e-6, 1 - 1e-6)
    x = np.log(x / (1 - x))
    counted = np.isfinite(w.distance)
    right = np.nan_to_num(w.distance, nan=np.inf) <= RIGHT_WITHIN
    confidence = np.zeros_like(x)
    for last in range(5):
        apart = fold == last
        fitted = fit_logistic(x[~apart], right[~apart], counted[~apart])
        confidence[apart] = 1 / (1 + np.exp(-(fitted.slopes[0] * x[apart] + np.array(fitted.offsets))))
    again = worth(people, Answers(answers.xy, confidence, answers.scores), LSP_14)
    return {"ece_cross": round(again.calibration_error, 6), "misses_in_third_cross": round(again.misses_in_third, 6)}


def predicted_alone(w: Worth) -> dict[str, float]:
    """PDJ@0.2 of the joints that a model predicts, of one that leaves some out: PDJ and PCP count those as wrong."""
    predicted = np.isfinite(w.distance).any(axis=0)
    if predicted.all():
        return {}
    return {
        "pdj@0.2_predicted": share_right(w.distance[np.isfinite(w.distance)]),
        "joints_predicted": int(predicted.sum()),
    }


def by_visibility(people: Sequence[Person], w: Worth) -> dict[str, float]:
    """PDJ@0.2 of visible joints (v = 2), of hidden ones (v = 1), of people without a hidden one; empty where one is not there."""
    v = np.array([person.v for person in people])
    open_view = (v != 1).all(axis=1)
    found = {}
    for name, chosen in (("visible", v == 2), ("hidden", v == 1), ("open_view", open_view[:, None] & (v > 0))):
        distance = w.distance[chosen & ~np.isnan(w.distance)]
        if not len(distance):
            return {}
        found[f"pdj@0.2_{name}"] = share_right(distance)
    return {**found, "people_in_open_view": int(open_view.sum())}


def by_folder(people: Sequence[Person], w: Worth) -> dict[str, float]:
    """PDJ@0.2 of the people of each folder of photos: of rendered ones a folder is a seed."""
    folder = np.array([person.photo.parent.parent.name for person in people])
    known = ~np.isnan(w.distance)
    return {name: share_right(w.distance[(folder == name)[:, None] & known]) for name in sorted(set(folder.tolist()))}


def share_right(distance: FloatArray) -> float:
    """How many of the joints lie near enough to their labels: of distances (N,) in torso diameters."""
    return round(float((distance <= RIGHT_WITHIN).mean()), 6)


def in_lsp(model: PoseModel, answers: Answers) -> Answers:
    """The answers in the joints of LSP, those the model does not predict left out."""
    joints = convert(model.skeleton, LSP_14)
    return Answers(joints.apply(answers.xy), joints.apply(answers.confidence, 0.0), answers.scores)


def mean_pose(people: Sequence[Person]) -> Answers:
    """The mean of all labelled joints, normalised by their boxes, put into each box."""
    boxes = np.array([p.box for p in people])
    inside = normalise(np.array([p.xy for p in people]), boxes)
    labelled = (np.array([p.v for p in people]) > 0)[..., None]
    mean = np.where(labelled, inside, 0).sum(axis=0) / labelled.sum(axis=0)
    xy: FloatArray = denormalise(np.broadcast_to(mean, inside.shape), boxes).astype(np.float64)
    return Answers(xy, np.full(xy.shape[:2], 0.5), np.full(len(xy), 0.5))


def rendered_people(folder: Path, seeds: Sequence[int], pictures: int) -> list[Person]:
    """People of freshly rendered pictures, so many of each seed, one or two to a picture."""
    people = []
    for seed in seeds:
        render(folder / str(seed), seed, pictures, "1-2", "640x480", LSP_14)
        people += read_people(folder / str(seed) / "annotations.json", folder / str(seed) / "images", LSP_14)
    return people


def render(folder: Path, seed: int, pictures: int, people: str, size: str, skeleton: Skeleton) -> None:
    """Renders pictures with so many people each into `images/` and `annotations.json` of a folder, unless they are there."""
    if (folder / "annotations.json").is_file():
        return
    order = ["--out", folder, "--seed", seed, "--count", pictures, "--people", people, "--size", size]
    command = [sys.executable, ROOT / "datasets" / "make_figures.py", *order, "--skeleton", skeleton.name]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
