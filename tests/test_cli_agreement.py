"""`labeltool agreement`: planted disagreement is measured, who is not matched is counted, and only the same is compared."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labeltool.coco.document import CocoDocument
from labeltool.errors import AuditError
from labeltool.evaluate.agreeing import agree, agreed_json
from labeltool.skeleton import COCO_17, LSP_14

Run = Callable[..., tuple[int, str, str]]


def truth(people: int) -> dict[str, Any]:
    """Two people a photo, side by side, of many sizes."""
    rng = np.random.default_rng(3)
    images = [{"id": n + 1, "file_name": f"{n:03}.jpg", "width": 2000, "height": 900} for n in range(people // 2)]
    annotations = []
    for n in range(people):
        side = rng.uniform(100, 400)
        xy = rng.uniform(0, side, (17, 2)) + np.array([50 + 1000 * (n % 2), 50])
        annotations.append(
            {
                "id": n + 1,
                "image_id": n // 2 + 1,
                "category_id": 1,
                "iscrowd": 0,
                "keypoints": [value for x, y in xy.tolist() for value in (x, y, 2)],
                "num_keypoints": 17,
                "bbox": [50 + 1000 * (n % 2), 50, side, side],
                "area": side * side * 0.5,
            }
        )
    return {"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}


def labelled_by(rng: np.random.Generator, data: dict[str, Any], factor: float = 1.0) -> dict[str, Any]:
    """The people as a labeller sees them: each coordinate off by sigma s / 2, so that two labellers differ by sigma s."""
    seen = copy.deepcopy(data)
    for annotation in seen["annotations"]:
        xyv = np.array(annotation["keypoints"]).reshape(17, 3)
        xyv[:, :2] += (
            rng.normal(0, 1, (17, 2)) * (np.array(COCO_17.sigmas) * factor)[:, None] * annotation["area"] ** 0.5 / 2
        )
        annotation["keypoints"] = xyv.ravel().tolist()
    return seen


def test_planted_sigmas_are_measured() -> None:
    rng, data = np.random.default_rng(4), truth(800)
    a, b = labelled_by(rng, data), labelled_by(rng, data)
    for n, image in enumerate(
        b["images"]
    ):  # other ids, another order: photos are known by their names, people by their places
        image["id"] += 5000
        b["annotations"][2 * n]["image_id"] = b["annotations"][2 * n + 1]["image_id"] = image["id"]
    b["annotations"] = b["annotations"][::-1]
    for n, annotation in enumerate(b["annotations"]):
        annotation["id"] = n + 1
    gone = b["annotations"].pop()
    assert gone["keypoints"][0] < 1000
    b["annotations"][0]["keypoints"][2] = 0
    b["annotations"][1]["keypoints"][2] = 1
    found = agreed_json(agree([CocoDocument(a, "a"), CocoDocument(b, "b")]), replicates=200)
    assert (found["pairs"], found["photos"], found["alone"]) == (799, 400, {"a": 1, "b": 0})
    for row, sigma in zip(found["joints"], COCO_17.sigmas, strict=True):
        assert row["sigma"] == pytest.approx(sigma, rel=0.12) and row["robust_sigma"] == pytest.approx(sigma, rel=0.2)
        assert row["sigma_low"] < row["sigma"] < row["sigma_high"]
    nose = found["joints"][0]
    assert (nose["n"], nose["only_one"]) == (798, 1)
    assert nose["same_flag"] == pytest.approx(797 / 798)
    assert found["joints"][1]["same_flag"] == 1
    assert len(found["least"]) == 20 and found["least"][0]["oks"] <= found["least"][1]["oks"] < found["median_oks"]


def test_three_labellers_make_three_pairs() -> None:
    rng, data = np.random.default_rng(5), truth(20)
    found = agree([CocoDocument(labelled_by(rng, data), name) for name in "abc"])
    assert len(found.found) == 60 and found.photos == 30 and found.alone == {"a": 0, "b": 0, "c": 0}


def test_what_is_not_the_same_is_refused() -> None:
    data = truth(4)
    one = CocoDocument(data, "a")
    other = copy.deepcopy(data)
    for image in other["images"]:
        image["file_name"] = f"x{image['file_name']}"
    with pytest.raises(AuditError, match="no photo in common"):
        agree([one, CocoDocument(other, "b")])
    with pytest.raises(AuditError, match="expected two or more"):
        agree([one])
    with pytest.raises(AuditError, match="b: other joints than the first source's"):
        agree([one, CocoDocument({**data, "annotations": [], "categories": [LSP_14.to_category()]}, "b")])
    with pytest.raises(AuditError, match="nobody was labelled by two"):
        agree([one, CocoDocument({**data, "annotations": []}, "b")])


def test_the_command_prints_and_writes(run: Run, tmp_path: Path) -> None:
    rng, data = np.random.default_rng(6), truth(20)
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(labelled_by(rng, data)))
    paths = (tmp_path / "a.json", tmp_path / "b.json")
    status, out, _ = run("agreement", *paths, "--out", tmp_path / "o")
    assert status == 0 and out.startswith("20 people labelled twice on 10 shared photos") and "left_knee" in out
    kept = json.loads((tmp_path / "o" / "agreement.json").read_text())
    assert kept == json.loads(run("agreement", *paths, "--json")[1])
    with (tmp_path / "o" / "agreement.csv").open() as file:
        assert [row["joint"] for row in csv.DictReader(file)] == list(COCO_17.joints)
    page = (tmp_path / "o" / "agreement.html").read_text()
    assert "20 people labelled twice" in page and page.count("<tr>") == 1 + 17 + 1 + len(kept["least"])
    assert run("agreement", paths[0])[0] == 2
