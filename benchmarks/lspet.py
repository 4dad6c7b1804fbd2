"""The shipped DeepPose on people it was never trained on: PDJ and PCP on LSP-extended im08501..im09000.

The person box is the tight box of the labelled joints; the model pads it by 1.25. The rival is the mean pose: each joint where it
lies on average in these people's boxes, what a model that saw nothing could answer at best.

    python benchmarks/deeppose_lspet.py [--lspet DIR] [--weights FILE] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.audit import AuditResult, Detections, Labels, audit
from labeltool.formats.lsp import read_lsp
from labeltool.geometry import FloatArray, denormalise, normalise
from labeltool.images import load_photo
from labeltool.models.deeppose import DeepPose, load
from labeltool.skeleton import LSP_14

LSPET = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "lspet"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="The shipped DeepPose on im08501..im09000 of LSP-extended.")
    parser.add_argument("--lspet", type=Path, default=LSPET, help="folder with images/ and joints.mat")
    parser.add_argument("--weights", type=Path, help="another checkpoint than the shipped one")
    parser.add_argument("--quick", action="store_true", help="the last 100 people only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    model = load(options.weights)
    photos, labels = unseen_people(options.lspet, 100 if options.quick else 500)
    found = audit(labels, predictions(model, photos, labels), LSP_14)
    mean = audit(labels, mean_pose(labels), LSP_14)
    figures = {
        "people": len(labels),
        "weights": model.weights_hash,
        "deeppose": numbers(found),
        "mean_pose": numbers(mean),
        "ratio": round(numbers(found)["pdj@0.2"] / numbers(mean)["pdj@0.2"], 2),
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{len(labels)} people, weights {model.weights_hash[:12]}")
    for name, result in (("deeppose", found), ("mean pose", mean)):
        n = numbers(result)
        print(f"{name:<10} PDJ@0.2 {n['pdj@0.2']:.3f}  PDJ@0.5 {n['pdj@0.5']:.3f}  PCP@0.5 {n['pcp@0.5']:.3f}")
    print(f"{'joint':<16}{'n':>6}{'ks':>8}{'PDJ@0.2':>10}")
    for row in found.joints:
        print(f"{row.joint:<16}{row.n:>6}{row.ks:>8.3f}{row.pdj:>10.3f}")


def unseen_people(folder: Path, count: int) -> tuple[list[Path], Labels]:
    """The photos and labels of the last people of LSP-extended."""
    imported = read_lsp(folder / "images", folder / "joints.mat")
    people = imported.document.annotations[-count:]
    files = {image["id"]: imported.image_root / image["file_name"] for image in imported.document.images}
    keypoints = np.array([p["keypoints"] for p in people], dtype=np.float64).reshape(count, len(LSP_14), 3)
    boxes = np.array([p["bbox"] for p in people], dtype=np.float64)
    labels = Labels.of(
        [p["image_id"] for p in people],
        keypoints[..., :2],
        keypoints[..., 2],
        [p["area"] for p in people],
        person=[p["id"] for p in people],
        box=boxes,
    )
    return [files[p["image_id"]] for p in people], labels


def predictions(model: DeepPose, photos: list[Path], labels: Labels) -> Detections:
    """The model's pose for each person's box."""
    poses = [model.predict([load_photo(p)], [box[None]])[0] for p, box in zip(photos, labels.box, strict=True)]
    return detections(labels, np.concatenate([p.xy for p in poses]), np.concatenate([p.scores for p in poses]))


def mean_pose(labels: Labels) -> Detections:
    """The mean of all labelled joints, normalised by their boxes, put into each box."""
    inside = normalise(labels.xy, labels.box)
    labelled = (labels.v > 0)[..., None]
    mean = np.where(labelled, inside, 0).sum(axis=0) / labelled.sum(axis=0)
    return detections(labels, denormalise(np.broadcast_to(mean, inside.shape), labels.box), np.ones(len(labels)))


def detections(labels: Labels, xy: FloatArray, scores: FloatArray) -> Detections:
    """Detections made on the labels' own boxes."""
    return Detections.of(labels.image, xy, scores, person=labels.person)


def numbers(result: AuditResult) -> dict[str, Any]:
    """PDJ at 0.2 and 0.5, PCP at 0.5 and coverage."""
    at = dict(zip(result.pdj.thresholds, result.pdj.overall, strict=True))
    return {
        "pdj@0.2": round(at[0.2], 4),
        "pdj@0.5": round(at[0.5], 4),
        "pcp@0.5": round(result.pcp_overall, 4),
        "coverage": round(result.pdj.coverage, 4),
    }


if __name__ == "__main__":
    main()
