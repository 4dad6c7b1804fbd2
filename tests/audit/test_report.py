from __future__ import annotations

import json
import math

import numpy as np
import pytest
from random_files import random_files

from labeltool.audit import Detections, Labels, audit, detections_from_coco, format_audit, labels_from_coco, measure
from labeltool.audit.people import in_parts
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, define


@pytest.fixture(scope="module")
def files():
    document, results = random_files(21, COCO_17, images=40)
    return labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)


def one_man(skeleton=LSP_14, offset=0.0, **rest):
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 100, (1, len(skeleton), 2))
    labels = Labels.of([1], xy, np.full((1, len(skeleton)), 2), [4000.0], box=[[0, 0, 100, 100]])
    return labels, Detections.of([1], xy + offset, [0.9], **rest)


def test_json_has_the_published_shape(files):
    text = json.dumps(audit(*files, COCO_17).to_json(), allow_nan=False)
    data = json.loads(text)
    assert list(data["oks"]) == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL", "scale"]
    assert data["oks"]["scale"] == "area"
    assert data["pdj"]["thresholds"] == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
    assert len(data["pdj"]["overall"]) == 10
    assert list(data["pdj"]["per_joint"]) == list(COCO_17.joints)
    assert all(len(curve) == 10 for curve in data["pdj"]["per_joint"].values())
    assert 0 < data["pdj"]["coverage"] < 1
    assert [row["joint"] for row in data["joints"]] == list(COCO_17.joints)
    for row in data["joints"]:
        assert {"joint", "n", "ks", "pdj@0.2", "pdj@0.2_low", "pdj@0.2_high"} <= set(row)
        assert row["pdj@0.2"] == data["pdj"]["per_joint"][row["joint"]][3]
        assert row["pdj@0.2_low"] <= row["pdj@0.2"] <= row["pdj@0.2_high"]
        assert row["missed"] <= row["n"] and 0 <= row["ks"] <= 1


def test_json_tells_what_went_wrong(files):
    result = audit(*files, COCO_17)
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    found = data["diagnosis"]
    assert list(found["kinds"]) == ["good", "jitter", "inversion", "swap", "miss"] and min(found["kinds"].values()) > 0
    for row in data["joints"]:
        assert sum(found["per_joint"][row["joint"]].values()) == row["n"]
    assert (found["people"], found["detections"]) == (data["people"], data["detections"])
    assert list(data["angles"]["per_angle"]) == [
        f"{side}_{joint}" for side in ("left", "right") for joint in ("elbow", "shoulder", "hip", "knee")
    ]
    assert 0 < data["angles"]["overall"] < 180
    text = format_audit(result)
    assert "Errors, matched at OKS >= 0.1, inversion margin 0.1: " in text and "Joint angles, degrees" in text


def test_perfect_detections():
    result = audit(*one_man(), LSP_14)
    assert result.oks.AP == pytest.approx(1) and result.people_missed == 0
    assert set(result.pdj.overall) == {1.0} and result.pdj.auc == 1 and result.pdj.coverage == 1
    assert {row.ks for row in result.joints} == {1.0} and {row.endpoint_error for row in result.joints} == {0.0}
    assert result.pck == 1 and result.pcp_overall == 1
    assert result.diagnosis.overall()["good"] == 1 and result.angles.overall() == 0


def test_mean_ks_over_a_persons_joints_is_that_persons_oks():
    labels, detections = one_man(offset=6.0)
    result = audit(labels, detections, LSP_14)
    sigmas = np.array(LSP_14.sigmas)
    oks = np.exp(-72 / (2 * 4000 * (2 * sigmas) ** 2)).mean()
    assert np.mean([row.ks for row in result.joints]) == pytest.approx(oks)
    assert [row.endpoint_error for row in result.joints] == pytest.approx([math.sqrt(72)] * 14)


def test_a_detection_beyond_the_stars_is_merely_wrong():
    labels, detections = one_man(person=[1])
    far = np.where(np.arange(14)[:, None] == 3, -1e300, detections.xy)
    result = audit(labels, Detections.of([1], far, [0.9], box=[[0, 0, 1, 1]], person=[1]), LSP_14)
    assert (result.joints[3].ks, result.joints[3].pdj, result.joints[2].ks) == (0, 0, 1)


def test_nobody_detected_is_everything_missed():
    labels, _ = one_man()
    empty = Detections.of([], np.zeros((0, 14, 2)), [])
    data = audit(labels, empty, LSP_14).to_json()
    assert (data["oks"]["AP"], data["people_missed"], data["pdj"]["overall"]) == (0, 1, [0] * 10)
    assert {(row["n"], row["missed"], row["ks"], row["endpoint_error"]) for row in data["joints"]} == {(1, 1, 0, None)}


def test_what_is_undefined_is_null_and_minus_one_in_the_oks_block():
    labels = Labels.of([], np.zeros((0, 17, 2)), np.zeros((0, 17)), [])
    data = json.loads(
        json.dumps(audit(labels, Detections.of([], np.zeros((0, 17, 2)), []), COCO_17).to_json(), allow_nan=False)
    )
    assert data["oks"]["AP"] == -1 and data["pdj"]["coverage"] is None and data["pdj"]["overall"] == [None] * 10
    assert data["joints"][0]["ks"] is None and data["joints"][0]["pdj@0.2_low"] is None


def test_joints_the_model_does_not_predict_are_missed_and_named():
    labels, detections = one_man(predicted=[joint != "neck" for joint in LSP_14.joints])
    result = audit(labels, detections, LSP_14)
    neck = result.joints[LSP_14.index("neck")]
    assert (neck.n, neck.missed, neck.not_predicted, neck.ks, neck.pdj) == (1, 1, 1, 0, 0)
    assert math.isnan(neck.endpoint_error)
    assert result.pdj.overall == (13 / 14,) * 10
    assert "not predicted by the model, counted as missed: neck" in format_audit(result)


def test_parts_add_up_to_the_whole(files):
    labels, detections = files
    whole = audit(labels, detections, COCO_17, torso="either-diagonal")
    parts = [
        measure(
            labels.take(labels.image % 4 == remainder),
            detections.take(detections.image % 4 == remainder),
            COCO_17,
            torso="either-diagonal",
        )
        for remainder in (3, 1, 0, 2)
    ]
    added = (parts[0] + parts[1] + parts[2] + parts[3]).result()
    assert added.oks == whole.oks
    assert (added.people, added.people_missed, added.detections) == (
        whole.people,
        whole.people_missed,
        whole.detections,
    )
    assert added.pdj.per_joint == whole.pdj.per_joint and added.notes == whole.notes and added.notes
    assert added.diagnosis.to_json() == whole.diagnosis.to_json()
    assert added.angles.overall() == pytest.approx(whole.angles.overall())
    for ours, theirs in zip(added.joints, whole.joints, strict=True):
        assert (ours.n, ours.missed, ours.pdj_low) == (theirs.n, theirs.missed, theirs.pdj_low)
        assert ours.ks == pytest.approx(theirs.ks, abs=1e-12)
    with pytest.raises(AuditError, match="audit parts of another scale, expected the same to add them"):
        parts[0] + measure(labels, detections, COCO_17, scale="bbox-diagonal", torso="either-diagonal")


def test_large_input_is_measured_in_parts(files, monkeypatch):
    labels, detections = files
    whole = audit(labels, detections, COCO_17)
    parts = []

    def by_few(labels, detections):
        for part in in_parts(labels, detections, rows=50):
            parts.append(part)
            yield part

    monkeypatch.setattr("labeltool.audit.report.in_parts", by_few)
    again = audit(labels, detections, COCO_17)
    assert len(parts) > 5
    assert (again.oks, again.pdj.per_joint, again.pdj.curve_overall) == (
        whole.oks,
        whole.pdj.per_joint,
        whole.pdj.curve_overall,
    )


def test_ids_are_checked_over_the_parts(monkeypatch):
    xy = np.zeros((2, 14, 2))
    labels = Labels.of([1, 2], xy, np.full((2, 14), 2), [9.0, 9.0], person=[71, 72])
    monkeypatch.setattr("labeltool.audit.report.in_parts", lambda *both: in_parts(*both, rows=2))
    with pytest.raises(AuditError, match=r"detections\[0\] \(image 1\): speaks for person 72 of image 2"):
        audit(labels, Detections.of([1, 2], xy, [1, 1], person=[72, 71]), LSP_14)
    result = audit(labels, Detections.of([1, 2], xy, [1, 1], person=[71, 72]), LSP_14)
    assert result.people_missed == 0


def test_the_scale_is_said_everywhere(files):
    area, diagonal = audit(*files, COCO_17), audit(*files, COCO_17, scale="bbox-diagonal")
    assert diagonal.to_json()["oks"]["scale"] == "bbox-diagonal"
    assert "scale area (s^2 = the label's area, as COCO)" in format_audit(area)
    assert "scale bbox-diagonal (s^2 = w^2 + h^2 of the label's box; not COCO's numbers)" in format_audit(diagonal)
    assert area.pdj == diagonal.pdj
    labels, detections = one_man(offset=6.0)
    ks = [audit(labels, detections, LSP_14, scale=scale).joints[0].ks for scale in ("area", "bbox-diagonal")]
    k2 = (2 * LSP_14.sigmas[0]) ** 2
    assert ks == pytest.approx([math.exp(-72 / (2 * 4000 * k2)), math.exp(-72 / (2 * 20000 * k2))])


def test_text_is_aligned_and_names_what_it_stands_on(files):
    text = format_audit(audit(*files, COCO_17))
    lines = text.splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("  joint"))) :][:18]
    assert len(table) == 18 and len({len(line) for line in table}) == 1
    assert max(map(len, lines)) <= 140
    assert "PDJ, torso left_shoulder to right_hip; coverage" in text and "sigma of" not in text and "nan" not in text
    assert "else its mirror" in format_audit(audit(*files, COCO_17, torso="either-diagonal"))


def test_text_names_sigmas_that_are_not_cocos():
    text = format_audit(audit(*one_man(MPII_16), MPII_16))
    assert "sigma of head_top: 0.079, CrowdPose toolkit (head)" in text
    assert "sigma of thorax: 0.079, no published value: COCO's shoulder" in text
    assert "sigma of left_elbow" not in text


def test_text_without_torso_or_numbers():
    hand = define("hand", ["wrist", "thumb"])
    labels = Labels.of([1], [[[0, 0], [5, 5]]], [[2, 2]], [9.0])
    text = format_audit(audit(labels, Detections.of([1], labels.xy, [1.0]), hand))
    assert "PDJ: skeleton hand has no torso ends to take the diameter of" in text and "nan" not in text
    flat = Labels.of([1], np.zeros((1, 14, 2)), np.full((1, 14), 2), [9.0])
    assert "not counted: 1 people whose torso ends lie on each other" in format_audit(
        audit(flat, Detections.of([1], flat.xy, [1.0]), LSP_14)
    )


def test_curve_rows_for_a_plot(files):
    rows = audit(*files, COCO_17).curve()
    assert len(rows) == 18 * 51 and rows[0]["joint"] == "overall"
    overall = [row["pdj"] for row in rows if row["joint"] == "overall"]
    assert overall == sorted(overall)
    assert {row["threshold"] for row in rows} == {i / 100 for i in range(51)}


def test_other_joints_than_the_skeletons_are_refused(files):
    labels, detections = files
    with pytest.raises(AuditError, match="labels: 17 joints a person, expected 14"):
        audit(labels, detections, LSP_14)
    with pytest.raises(AuditError, match="detections: 14 joints a person, expected 17"):
        audit(labels, one_man()[1], COCO_17)
