"""Fixes: each mends its own kind of damage, all of them together settle, and none moves a labelled joint."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_documents import good_document, person
from test_check import DOCUMENTS, JSON
from test_rules import CASES, Damage, ann, category, cut, image, joint, nest, put, swap_names, zero_based

from labeltool.coco.check import check_document, rules
from labeltool.coco.document import CocoDocument
from labeltool.coco.draft import FIXES, Change, Level
from labeltool.coco.fixes import fix_document, summary_of
from labeltool.skeleton import COCO_17

SAFE = {"K204", "K206", "K207", "A302", "A303", "A306", "A308", "A309", "A311", "A312", "A313", "B401", "B403", "B405"}
SAFE |= {"B407", "B409", "I105", "I107"}


def mended(data: Any, level: Level = "safe", **options: Any) -> tuple[Any, list[Change]]:
    before = copy.deepcopy(data)
    document, log = fix_document(CocoDocument(data, "test.json"), level, **options)
    assert repr(data) == repr(before), "the original must stay as it was"
    return document.data, log


def codes_of(data: Any) -> set[str]:
    return {f.code for f in check_document(CocoDocument(data, "test.json"))}


def nan_joint(data: dict[str, Any]) -> None:
    joint(2, float("nan"), 98, 2)(data)


def in_shares(data: dict[str, Any]) -> None:
    flat = data["annotations"][0]["keypoints"]
    flat[0::3] = [x / 640 for x in flat[0::3]]
    flat[1::3] = [y / 480 for y in flat[1::3]]


MENDED: list[tuple[Level, str, Damage, str, Any]] = [
    ("safe", "K204", cut("categories", 0, "skeleton"), "skeleton", COCO_17.to_category()["skeleton"]),
    ("safe", "K206", zero_based, "skeleton", COCO_17.to_category()["skeleton"]),
    ("safe", "A302", ann(id=12), "", None),
    ("safe", "A303", ann(id=0), "id", 15),
    ("safe", "A306", nest, "keypoints", person(11)["keypoints"]),
    ("safe", "A306", joint(2, "110", "98", 2), "keypoints", person(11)["keypoints"]),
    ("safe", "A308", joint(2, 110, 98, 2.0), "keypoints", person(11)["keypoints"]),
    ("safe", "A309", joint(1, 7, 8.5, 0), "keypoints", person(11)["keypoints"]),
    ("safe", "A312", ann(num_keypoints=3), "num_keypoints", 16),
    ("safe", "A313", ann(num_keypoints=0), "num_keypoints", 16),
    ("safe", "B401", cut("annotations", 0, "bbox"), "bbox", [100.0, 80.0, 80.0, 144.0]),
    ("safe", "B403", ann(bbox=[-0.5, 70, 200, 200]), "bbox", [0, 70, 199.5, 200]),
    ("safe", "B405", ann(area=0), "area", 16000.0),
    ("safe", "B405", ann(area=None, segmentation=[]), "area", 0.53 * 110 * 170),
    ("safe", "B407", cut("annotations", 0, "iscrowd"), "iscrowd", 0),
    ("safe", "B407", ann(iscrowd=False), "iscrowd", 0),
    ("safe", "B409", ann(segmentation=[[1, 2, 3]]), "segmentation", []),
    ("all", "C003", nan_joint, "", None),
    ("all", "K201", category(id="1"), "id", 1),
    ("all", "K205", category(skeleton=[[1, 2], [3, 3], [2, 18]]), "skeleton", [[1, 2]]),
    ("all", "K208", swap_names, "", None),
    ("all", "A301", ann(id="11"), "id", 11),
    ("all", "A301", ann(id=None), "id", 15),
    ("all", "A304", ann(image_id="1"), "image_id", 1),
    ("all", "A307", ann(keypoints=[]), "keypoints", [0] * 51),
    ("all", "A310", joint(2, 0, 0, 2), "", None),
    ("all", "A318", in_shares, "", None),
    ("all", "B402", ann(bbox=[200.5, 240.5, -110.0, -170.0]), "bbox", [90.5, 70.5, 110.0, 170.0]),
    ("all", "B403", ann(bbox=[390, 100, 600, 300]), "bbox", [390, 100, 210, 200]),
    ("all", "B406", ann(area=20000), "area", 16000.0),
    ("all", "B408", put("annotations", 2, segmentation=[[1, 1, 9, 1, 9, 9]]), "", None),
    ("all", "I101", image(id="2"), "id", 2),
    ("all", "I104", image(file_name="x\\b.jpg"), "file_name", "x/b.jpg"),
    ("all", "D501", lambda d: d["annotations"].insert(1, person(99)), "", None),
]


@pytest.mark.parametrize(
    ("level", "code", "damage", "field", "value"), MENDED, ids=[f"{c[1]}-{n}" for n, c in enumerate(MENDED)]
)
def test_damage_is_mended(level: Level, code: str, damage: Damage, field: str, value: Any) -> None:
    data = good_document()
    damage(data)
    assert code in codes_of(data)
    fixed, log = mended(data, level)
    assert code not in codes_of(fixed)
    assert code in {change.code for change in log}
    first = next(change for change in log if change.code == code)
    if field:
        section = first.place.split("[")[0]
        row = int(first.place.split("[")[1].split("]")[0])
        assert fixed[section][row][field] == (pytest.approx(value) if isinstance(value, float) else value)
        assert first.field == field
    if level == "all" and code not in SAFE:
        assert code not in {change.code for change in mended(data)[1]}


def test_an_annotation_of_no_image_is_dropped_only_when_asked() -> None:
    data = good_document()
    data["annotations"][0]["image_id"] = 99
    assert mended(data) == (data, [])
    fixed, log = mended(data, "all")
    assert [a["id"] for a in fixed["annotations"]] == [12, 13, 14]
    assert str(log[0]) == "annotations[0] (id 11): the whole entry dropped"


def test_a_joint_just_outside_is_clamped_and_one_further_out_stays() -> None:
    data = good_document()
    joint(2, 640.5, 98, 2)(data)
    joint(4, 650, 116, 2)(data)
    fixed, log = mended(data, "all")
    assert fixed["annotations"][0]["keypoints"][6:9] == [640, 98, 2]
    assert fixed["annotations"][0]["keypoints"][12:15] == [650, 116, 2]
    assert [change.code for change in log] == ["A311"]


def test_derived_values_are_flagged() -> None:
    data = good_document()
    del data["annotations"][0]["bbox"], data["annotations"][0]["area"]
    fixed, _ = mended(data)
    assert fixed["annotations"][0]["bbox_source"] == "keypoints"
    assert fixed["annotations"][0]["area_source"] == "segmentation"
    assert not codes_of(fixed) - {"B404", "B406"}


def test_ids_are_cast_with_what_refers_to_them() -> None:
    data = good_document()
    data["images"][0]["id"] = "1"
    for annotation in data["annotations"]:
        if annotation["image_id"] == 1:
            annotation["image_id"] = "1"
    data["categories"][0]["id"] = 0
    for annotation in data["annotations"][:3]:
        annotation["category_id"] = 0
    fixed, _ = mended(data, "all")
    assert fixed["images"][0]["id"] == 1
    assert [a["image_id"] for a in fixed["annotations"]] == [1, 2, 1, 2]
    assert [a["category_id"] for a in fixed["annotations"]] == [19, 19, 19, 18]
    assert codes_of(fixed) == set()


def test_permuted_joints_keep_their_names() -> None:
    data = good_document()
    swap_names(data)
    before = by_name(data, 0)
    fixed, _ = mended(data, "all")
    assert fixed["categories"][0]["keypoints"] == list(COCO_17.joints)
    assert by_name(fixed, 0) == before


def by_name(data: dict[str, Any], row: int) -> dict[str, tuple[Any, ...]]:
    flat = data["annotations"][row]["keypoints"]
    names = data["categories"][0]["keypoints"]
    return {name: tuple(flat[3 * k : 3 * k + 3]) for k, name in enumerate(names)}


def test_sizes_and_names_come_from_the_photos(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    Image.new("RGB", (640, 480)).save(tmp_path / "a.jpg")
    Image.new("RGB", (480, 640)).save(tmp_path / "below" / "b.jpg")
    data = good_document()
    data["images"][0].update(width=-1, height=-1)
    fixed, log = mended(data, "all", images_root=tmp_path)
    assert [(i["file_name"], i["width"], i["height"]) for i in fixed["images"]] == [
        ("a.jpg", 640, 480),
        ("below/b.jpg", 480, 640),
    ]
    assert [change.code for change in log] == ["I105", "I105", "I106", "I108", "I108"]


def test_images_of_another_split_are_dropped_when_asked() -> None:
    data = good_document()
    split = CocoDocument({"images": [{"id": 5, "file_name": "a.jpg"}]}, "val.json")
    assert mended(data, splits=[split])[1] == []
    fixed, _ = mended(data, "all", splits=[split])
    assert [i["id"] for i in fixed["images"]] == [2]
    assert [a["id"] for a in fixed["annotations"]] == [12, 14]


def test_the_codes_can_be_chosen() -> None:
    data = good_document()
    data["annotations"][0].update(id=0, num_keypoints=0)
    fixed, log = mended(data, codes={"A313"})
    assert [change.code for change in log] == ["A313"]
    assert fixed["annotations"][0]["id"] == 0


def test_the_log_is_plain_data_and_short_text() -> None:
    data = good_document()
    data["annotations"] = [person(n, num_keypoints=0, bbox=None) for n in range(1, 21)]
    _, log = mended(data)
    assert json.loads(json.dumps([change.to_json() for change in log]))[0] == {
        "code": "A313",
        "place": "annotations[0] (id 1)",
        "field": "num_keypoints",
        "before": 0,
        "after": 16,
    }
    lines = summary_of(log).splitlines()
    assert lines[0] == "fixed A313: `num_keypoints` becomes the number of joints with v > 0: 20 changes"
    assert lines[1:5] == [
        *(f"  annotations[{n}] (id {n + 1}): num_keypoints 0 -> 16" for n in range(3)),
        "  ... and 17 more",
    ]
    assert len(lines) == 10


def test_good_documents_are_left_alone() -> None:
    data = good_document()
    assert mended(data, "all") == (data, [])


def test_the_genuine_file_is_left_alone(coco_mini: Path) -> None:
    data = json.loads((coco_mini / "annotations" / "person_keypoints_val2017.json").read_text())
    fixed, log = mended(data, "all", images_root=coco_mini / "images")
    assert log == []
    assert fixed == data


def test_every_fix_belongs_to_a_rule_and_says_what_it_does() -> None:
    known = {rule.code for rule in rules()}
    assert set(FIXES) <= known
    assert {code for code, fix in FIXES.items() if fix.level == "safe"} == SAFE
    assert all(fix.summary and not fix.summary.endswith(".") for fix in FIXES.values())


def assert_settled(data: Any, level: Level) -> Any:
    once, _ = fix_document(CocoDocument(data, "any.json"), level)
    twice, log = fix_document(once, level)
    assert [str(change) for change in log] == []
    assert repr(twice.data) == repr(once.data)
    return once.data


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(DOCUMENTS | JSON, st.sampled_from(["safe", "all"]))
def test_mending_twice_is_mending_once_whatever_the_document(data: Any, level: Level) -> None:
    assert_settled(data, level)


DAMAGE = st.lists(st.sampled_from([case[2] for case in CASES] + [case[2] for case in MENDED]), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(DAMAGE, st.sampled_from(["safe", "all"]))
def test_mending_several_kinds_of_damage_settles_and_moves_no_joint(damages: list[Damage], level: Level) -> None:
    data = good_document()
    for damage in damages:
        try:
            damage(data)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            continue
    fixed = assert_settled(data, level)
    if in_shares not in damages:
        assert_no_joint_moved(data, fixed)


def assert_no_joint_moved(before: Any, after: Any) -> None:
    """Every labelled joint that can be read of both is where it was, but for a pixel."""
    try:
        names_before, names_after = before["categories"][0]["keypoints"], after["categories"][0]["keypoints"]
        places = [labelled(a, names_before) for a in before["annotations"]]
        found = [labelled(a, names_after) for a in after["annotations"]]
    except (KeyError, TypeError, IndexError, AttributeError):
        return
    if len(places) != len(found):
        return
    for old, new in zip(places, found, strict=True):
        for name in old.keys() & new.keys():
            assert np.hypot(old[name][0] - new[name][0], old[name][1] - new[name][1]) <= 2**0.5


def labelled(annotation: Any, names: list[str]) -> dict[str, tuple[float, float]]:
    flat = annotation.get("keypoints") or []
    if len(flat) != 3 * len(names) or not all(type(v) in (int, float) and abs(v) < 1e9 for v in flat):
        return {}
    return {n: (flat[3 * k], flat[3 * k + 1]) for k, n in enumerate(names) if flat[3 * k + 2] > 0}
