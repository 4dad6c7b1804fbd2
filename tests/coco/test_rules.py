"""Every rule both ways: a good document has no finding, and each kind of damage has its code, severity, place and words."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from sample_documents import crowd, good_document, person

from labeltool.coco.check import check_document, rules
from labeltool.coco.document import CocoDocument
from labeltool.coco.findings import Finding

Damage = Callable[[dict[str, Any]], Any]


def findings(data: Any) -> list[Finding]:
    return check_document(CocoDocument(data, "test.json"))


def test_a_good_document_has_no_finding() -> None:
    assert findings(good_document()) == []


def test_an_empty_document_has_no_finding() -> None:
    assert findings({"images": [], "annotations": [], "categories": []}) == []


def test_every_rule_is_there_and_explains_itself() -> None:
    codes = [rule.code for rule in rules()]
    expected = (
        [f"C00{n}" for n in range(1, 5)]
        + [f"I10{n}" for n in range(1, 10)]
        + [f"K20{n}" for n in range(1, 10)]
        + ["K210"]
        + [f"A3{n:02d}" for n in range(1, 19)]
        + [f"B40{n}" for n in range(1, 10)]
        + [f"D50{n}" for n in range(1, 6)]
        + ["R601", "R602"]
    )
    assert sorted(codes) == sorted(expected)
    for rule in rules():
        text = rule.check.__doc__ or ""
        assert rule.title, rule.code
        assert re.search(r"^    Bad: ", text, re.MULTILINE), rule.code
        assert re.search(r"^    Good: ", text, re.MULTILINE), rule.code
        assert rule.hint, rule.code


def put(section: str, row: int, **fields: Any) -> Damage:
    return lambda d: d[section][row].update(copy.deepcopy(fields))


def cut(section: str, row: int, field: str) -> Damage:
    return lambda d: d[section][row].pop(field)


def image(**fields: Any) -> Damage:
    return put("images", 1, **fields)


def category(**fields: Any) -> Damage:
    return put("categories", 0, **fields)


def ann(**fields: Any) -> Damage:
    return put("annotations", 0, **fields)


def joint(k: int, *values: Any, row: int = 0) -> Damage:
    def damage(data: dict[str, Any]) -> None:
        data["annotations"][row]["keypoints"][3 * k : 3 * k + 3] = values

    return damage


def swap_names(data: dict[str, Any]) -> None:
    names = data["categories"][0]["keypoints"]
    names[1], names[2] = names[2], names[1]


def nest(data: dict[str, Any]) -> None:
    flat = data["annotations"][0]["keypoints"]
    data["annotations"][0]["keypoints"] = [flat[i : i + 3] for i in range(0, 51, 3)]


def tight_box(data: dict[str, Any]) -> None:
    flat = data["annotations"][0]["keypoints"]
    points = [(flat[i], flat[i + 1]) for i in range(0, 51, 3) if flat[i + 2]]
    low = [min(c) for c in zip(*points, strict=True)]
    high = [max(c) for c in zip(*points, strict=True)]
    data["annotations"][0]["bbox"] = [*low, high[0] - low[0], high[1] - low[1]]


def box_areas(data: dict[str, Any]) -> None:
    for a in data["annotations"]:
        a["area"] = a["bbox"][2] * a["bbox"][3]


def zero_based(data: dict[str, Any]) -> None:
    limbs = data["categories"][0]["skeleton"]
    data["categories"][0]["skeleton"] = [[a - 1, b - 1] for a, b in limbs]


def exchange(*names: str, apart: int = 40) -> Damage:
    """Puts two pairs of joints on a square, left and right of the second pair exchanged."""
    places = [(100, 90), (100 + apart, 90), (100 + apart, 90 + apart // 3), (100, 90 + apart // 3)]

    def damage(data: dict[str, Any]) -> None:
        order = data["categories"][0]["keypoints"]
        for name, (x, y) in zip(names, places, strict=True):
            joint(order.index(name), x, y, 2)(data)

    return damage


NAN = float("nan")
A = "annotations[0] (id 11): "
I = "images[1] (id 2): "  # noqa: E741
K = "categories[0] (id 1): "
UNLABELLED = [0] * 51

CASES: list[tuple[str, str, Damage, str]] = [
    ("C002", "error", lambda d: d.pop("categories"), "file: 'categories' is missing, expected a list"),
    ("C002", "error", lambda d: d.update(images={}), "file: 'images' is an object, expected a list"),
    ("C002", "error", lambda d: d["annotations"].append(7), "annotations[4]: is 7, expected an object"),
    ("C002", "error", lambda d: d["images"].insert(0, None), "images[0]: is null, expected an object"),
    ("C003", "error", ann(score=NAN), "annotations[0].score: NaN is no JSON number, expected a finite one"),
    ("C003", "error", joint(2, NAN, 5, 2), "annotations[0].keypoints[6]: NaN is no JSON number, expected a finite one"),
    ("C004", "warning", lambda d: d.update(catgories=[]), "top level: unknown key 'catgories', kept as it is"),
    ("I101", "error", image(id="2"), "images[1] (id '2'): id is '2', expected the integer 2"),
    ("I101", "error", image(id=2.0), "images[1] (id 2.0): id is 2.0, expected the integer 2"),
    ("I101", "error", image(id=True), "images[1] (id true): id is true, expected an integer"),
    ("I101", "error", cut("images", 1, "id"), "images[1]: id is missing, expected an integer"),
    ("I102", "error", image(id=1), "images[1] (id 1): id 1 is also that of images[0]"),
    ("I103", "error", image(file_name=""), I + "file_name is '', expected a file name"),
    ("I103", "error", image(file_name=["a.jpg"]), I + "file_name is ['a.jpg'], expected a file name"),
    ("I104", "warning", image(file_name="a.jpg"), I + "file_name 'a.jpg' is also that of images[0] (id 1)"),
    ("I104", "warning", image(file_name="../b.jpg"), I + "file_name '../b.jpg' climbs out of the folder of the photos"),
    ("I104", "warning", image(file_name="/b.jpg"), I + "file_name '/b.jpg' is an absolute path, expected one relative"),
    ("I104", "warning", image(file_name="x\\b.jpg"), I + "file_name 'x\\\\b.jpg' has a backslash, expected forward"),
    ("I105", "error", image(width=-1), I + "width is -1, expected an integer > 0"),
    ("I105", "error", image(height=480.0), I + "height is 480.0, expected an integer > 0"),
    ("I105", "error", cut("images", 1, "width"), I + "width is missing, expected an integer > 0"),
    ("K201", "error", category(id=0), "categories[0] (id 0): id is 0, expected an integer of at least 1"),
    ("K201", "error", category(id="1"), "categories[0] (id '1'): id is '1', expected the integer 1"),
    ("K201", "error", category(id=18), "categories[1] (id 18): id 18 is also that of categories[0]"),
    ("K202", "error", category(name=" "), K + "name is ' ', expected a name"),
    ("K202", "error", category(name="dog"), "categories[1] (id 18): name 'dog' is also that of categories[0]"),
    ("K203", "error", cut("categories", 0, "keypoints"), K + "keypoints is missing, expected a list of joint names"),
    ("K203", "error", category(keypoints=["a", "b", "a"]), K + "joint 'a' stands twice in keypoints, at 0 and 2"),
    ("K203", "error", category(keypoints=["a", 5]), K + "keypoints[1] is 5, expected a joint name"),
    (
        "K203",
        "error",
        put("categories", 1, keypoints="tail"),
        "categories[1] (id 18): keypoints is 'tail', expected a list",
    ),
    ("K204", "warning", cut("categories", 0, "skeleton"), K + "skeleton is missing, expected pairs of joint numbers"),
    ("K205", "error", category(skeleton=[[1, 2], [2, 18]]), K + "skeleton[1] is [2, 18], expected numbers in 1..17"),
    ("K205", "error", category(skeleton=[[3, 3]]), K + "skeleton[0] is [3, 3], expected two different joints"),
    ("K205", "error", category(skeleton=[[1, 2, 3]]), K + "skeleton[0] is [1, 2, 3], expected two joint numbers"),
    ("K205", "error", category(skeleton=7), K + "skeleton is 7, expected a list of pairs"),
    ("K206", "warning", zero_based, K + "skeleton looks counted from 0, expected joint numbers from 1"),
    (
        "K207",
        "warning",
        lambda d: d["categories"][0]["skeleton"].append([14, 16]),
        K + "skeleton has the limb [14, 16] 2 times",
    ),
    (
        "K207",
        "warning",
        lambda d: d["categories"][0].update(skeleton=[[1, 2]]),
        K + "joint 'right_eye' has no limb, and 14 more",
    ),
    ("K208", "warning", swap_names, K + "joint 2 of 17 is 'right_eye', expected COCO's 'left_eye'"),
    (
        "K209",
        "warning",
        lambda d: d["categories"][0]["keypoints"].__setitem__(16, "right_foot"),
        K + "joint 'left_ankle' has no counterpart on the other side, and 1 more",
    ),
    ("K210", "error", category(sigmas=[0.1]), K + "sigmas has 1 numbers, expected 17"),
    ("K210", "error", category(sigmas=[0.1] * 16 + [0]), K + "sigmas[16] is 0, expected a positive number"),
    (
        "K210",
        "error",
        category(sigmas=[0.1] * 16 + [float("inf")]),
        K + "sigmas[16] is inf, expected a positive number",
    ),
    ("A301", "error", ann(id="11"), "annotations[0] (id '11'): id is '11', expected the integer 11"),
    ("A301", "error", ann(id=None), "annotations[0] (id null): id is null, expected an integer"),
    ("A302", "error", ann(id=12), "annotations[1] (id 12): id 12 is also that of annotations[0]"),
    ("A303", "error", ann(id=0), "annotations[0] (id 0): id is 0, expected 1 or more"),
    ("A304", "error", ann(image_id=99), A + "image_id is 99, expected the id of an image"),
    ("A304", "error", ann(image_id="1"), A + "image_id is '1', expected the integer 1"),
    ("A304", "error", ann(image_id=[1]), A + "image_id is [1], expected the id of an image"),
    ("A304", "error", cut("annotations", 0, "image_id"), A + "image_id is missing, expected the id of an image"),
    ("A305", "error", ann(category_id=3), A + "category_id is 3, expected the id of a category"),
    ("A306", "error", nest, A + "keypoints[0] is [100, 80, 2], expected a list of 51 numbers"),
    ("A306", "error", joint(2, "110", 98, 2), A + "keypoints[6] is '110', expected a number"),
    ("A306", "error", joint(2, True, 98, 2), A + "keypoints[6] is true, expected a number"),
    ("A306", "error", joint(2, 110, None, 2), A + "keypoints[7] is null, expected a number"),
    (
        "A306",
        "error",
        joint(2, 10**400, 98, 2),
        A + "keypoints[6] is an integer of 1,329 bits, expected a finite number",
    ),
    (
        "A306",
        "error",
        lambda d: d["annotations"][0]["keypoints"].__setitem__(slice(6, 8), [10**400, 98.5]),
        A + "keypoints[6] is an integer of 1,329 bits, expected a finite number",
    ),
    (
        "A311",
        "error",
        lambda d: d["annotations"][0]["keypoints"].__setitem__(slice(6, 12), [10**308, 98.5, 2, 10**308, 10**308, 2]),
        A + "'right_eye' at (1e+308, 98.5) lies 1e+308 px outside the 640 x 480 image",
    ),
    ("A306", "error", joint(2, NAN, 98, 2), A + "keypoints[6] is nan, expected a finite number"),
    ("A306", "error", ann(keypoints="1,2,3"), A + "keypoints is '1,2,3', expected a list of 51 numbers"),
    ("A306", "error", cut("annotations", 0, "keypoints"), A + "keypoints is missing, expected a list of 51 numbers"),
    (
        "A307",
        "error",
        lambda d: d["annotations"][0]["keypoints"].pop(),
        A + "keypoints has 50 numbers, expected 51 (50 is no multiple of 3)",
    ),
    ("A307", "error", ann(keypoints=[]), A + "keypoints has 0 numbers, expected 51"),
    ("A307", "error", ann(keypoints=[1, 2, 2] * 14), A + "keypoints has 42 numbers, expected 51"),
    ("A308", "error", joint(2, 110, 98, 3), A + "v of 'right_eye' is 3, expected 0, 1 or 2"),
    ("A308", "error", joint(2, 110, 98, -1), A + "v of 'right_eye' is -1, expected 0, 1 or 2"),
    ("A308", "error", joint(2, 110, 98, True), A + "v of 'right_eye' is true, expected 0, 1 or 2"),
    ("A308", "error", joint(2, 110, 98, 2.0), A + "v of 'right_eye' is 2.0, expected 0, 1 or 2"),
    ("A308", "error", joint(2, 110, 98, 0.9), A + "v of 'right_eye' is 0.9, expected 0, 1 or 2"),
    ("A309", "warning", joint(1, 7, 8.5, 0), A + "'left_eye' at (7, 8.5) has v = 0, expected (0, 0) where v = 0"),
    ("A310", "warning", joint(2, 0, 0, 2), A + "'right_eye' at (0, 0) has v = 2, probably never found"),
    (
        "A311",
        "error",
        joint(2, 655.5, 98, 2),
        A + "'right_eye' at (655.5, 98) lies 15.5 px outside the 640 x 480 image",
    ),
    ("A311", "error", joint(2, 110, -1.5, 2), A + "'right_eye' at (110, -1.5) lies 1.5 px outside the 640 x 480 image"),
    (
        "A311",
        "warning",
        joint(2, 640.5, 98, 2),
        A + "'right_eye' at (640.5, 98) lies 0.5 px outside the 640 x 480 image",
    ),
    ("A312", "error", ann(num_keypoints=15), A + "num_keypoints is 15, but 16 joints have v > 0"),
    ("A312", "error", ann(num_keypoints=16.0), A + "num_keypoints is 16.0, expected 16"),
    ("A312", "error", cut("annotations", 0, "num_keypoints"), A + "num_keypoints is missing, expected 16"),
    ("A313", "error", ann(num_keypoints=0), A + "num_keypoints is 0, but 16 joints have v > 0"),
    ("A313", "error", ann(keypoints=UNLABELLED), A + "num_keypoints is 16, but 0 joints have v > 0"),
    ("A314", "warning", joint(2, 100, 80, 2), A + "'nose' and 'right_eye' at (100, 80) lie at the same pixel"),
    (
        "A315",
        "warning",
        joint(2, 250, 98, 2),
        A + "'right_eye' at (250, 98) lies 49.5 px (29% of the longer side) outside the bbox",
    ),
    (
        "A316",
        "warning",
        exchange("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
        A + "the shoulders and hips point opposite ways from left to right: left and right look exchanged",
    ),
    (
        "A316",
        "warning",
        exchange("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", apart=60),
        A + "the elbows lie nearer to the other side's shoulder: left and right look exchanged",
    ),
    (
        "A317",
        "warning",
        joint(15, 500, 400, 2),
        A + "'left_ankle' to 'left_knee' is 392 px long, 193% of the bbox's diagonal",
    ),
    (
        "D501",
        "warning",
        lambda d: d["annotations"].insert(1, person(99)),
        "annotations[1] (id 99): the same joints as annotations[0] (id 11)",
    ),
    (
        "D501",
        "warning",
        lambda d: d["annotations"].insert(1, person(99, shift=1.5)),
        "annotations[1] (id 99): OKS 0.99 with annotations[0] (id 11)",
    ),
    ("B401", "error", cut("annotations", 0, "bbox"), A + "bbox is missing, expected [x, y, width, height]"),
    ("B401", "error", ann(bbox=[1, 2, 3]), A + "bbox has 3 numbers, expected 4"),
    ("B401", "error", ann(bbox=[1, 2, "3", 4]), A + "bbox[2] is '3', expected a finite number"),
    ("B401", "error", ann(bbox=[1, 2, NAN, 4]), A + "bbox[2] is nan, expected a finite number"),
    (
        "B401",
        "error",
        put("annotations", 3, bbox=None),
        "annotations[3] (id 14): bbox is null, expected [x, y, width, height]",
    ),
    ("B402", "error", ann(bbox=[90, 70, -5, 170]), A + "bbox is [90, 70, -5, 170], expected width and height > 0"),
    ("B402", "error", ann(bbox=[90, 70, 0, 170]), A + "bbox is [90, 70, 0, 170], expected width and height > 0"),
    (
        "B402",
        "warning",
        put("annotations", 3, bbox=[5, 5, 50, 0.0], area=0.5),
        "annotations[3] (id 14): bbox is [5, 5, 50, 0], a side below one pixel",
    ),
    (
        "B403",
        "error",
        ann(bbox=[90, 70, 600, 200]),
        A + "bbox [90, 70, 600, 200] reaches 50 px out of the 640 x 480 image",
    ),
    (
        "B403",
        "error",
        ann(bbox=[-9, 70, 200, 200]),
        A + "bbox [-9, 70, 200, 200] reaches 9 px out of the 640 x 480 image",
    ),
    ("B403", "warning", ann(bbox=[-0.5, 70, 200, 200]), A + "bbox [-0.5, 70, 200, 200] reaches 0.5 px out"),
    ("B404", "warning", tight_box, A + "bbox [100, 80, 80, 144] is exactly the extent of the joints"),
    ("B405", "error", cut("annotations", 0, "area"), A + "area is missing, expected a finite number"),
    ("B405", "error", ann(area=0), A + "area is 0, expected more than 1: 16 joints are labelled"),
    ("B405", "error", ann(area=1.0), A + "area is 1.0, expected more than 1"),
    ("B405", "error", ann(area="900"), A + "area is '900', expected a finite number"),
    ("B405", "error", put("annotations", 3, area=-2), "annotations[3] (id 14): area is -2, expected 0 or more"),
    ("B406", "warning", ann(area=20000), A + "area is 20000, but the bbox has only 18700"),
    ("B406", "warning", box_areas, A + "area is 18700, exactly the bbox's, as for every annotation here"),
    ("B407", "error", cut("annotations", 0, "iscrowd"), A + "iscrowd is missing, expected 0 or 1"),
    ("B407", "error", ann(iscrowd=False), A + "iscrowd is false, expected 0 or 1"),
    ("B407", "error", ann(iscrowd=2), A + "iscrowd is 2, expected 0 or 1"),
    (
        "B408",
        "warning",
        ann(iscrowd=1, segmentation=crowd(1)["segmentation"]),
        A + "a crowd with labelled joints",
    ),
    (
        "B408",
        "warning",
        put("annotations", 2, segmentation=[[1, 1, 9, 1, 9, 9]]),
        "annotations[2] (id 13): a crowd outlined by polygons, expected RLE",
    ),
    ("B408", "warning", ann(segmentation=crowd(1)["segmentation"]), A + "a person outlined by RLE, expected polygons"),
    (
        "B409",
        "warning",
        cut("annotations", 0, "segmentation"),
        A + "segmentation is missing, expected polygons, an RLE or []",
    ),
    (
        "B409",
        "warning",
        ann(segmentation=[[1, 2, 3, 4]]),
        A + "segmentation: polygon 0 has 4 numbers, expected an even count",
    ),
    (
        "B409",
        "warning",
        put("annotations", 2, segmentation={"size": [640, 480], "counts": "abc"}),
        "annotations[2] (id 13): segmentation: RLE size is 640 x 480, expected 480 x 640",
    ),
    (
        "B409",
        "warning",
        put("annotations", 2, segmentation={"size": [480, 640], "counts": [5]}),
        "annotations[2] (id 13): segmentation: RLE counts cover 5 pixels, expected 307200",
    ),
]


@pytest.mark.parametrize(
    ("code", "severity", "damage", "message"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_damage_is_reported_with_its_code_and_place(code: str, severity: str, damage: Damage, message: str) -> None:
    data = good_document()
    damage(data)
    found = {(f.code, f.severity): f for f in findings(data)}
    assert (code, severity) in found, f"found only {sorted(found)}"
    finding = found[code, severity]
    assert finding.message.startswith(message)
    assert finding.message == f"{finding.places[0]}: {finding.details[0]}"
    assert "\n" not in finding.message
    assert finding.count >= 1
    assert finding.hint


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (ann(num_keypoints=0), {"A313"}),
        (ann(num_keypoints=3), {"A312"}),
        (ann(id=0), {"A303"}),
        (zero_based, {"K206"}),
        (joint(2, 110, 98, 3), {"A308"}),
        (nest, {"A306"}),
        (ann(keypoints=[]), {"A307"}),
        (joint(2, 655.5, 98, 2), {"A311", "A315", "A317"}),
        (joint(2, 0, 0, 2), {"A310", "A315"}),
        (ann(image_id=99), {"A304"}),
        (ann(bbox=[1, 2, 3]), {"B401"}),
        (ann(area=0), {"B405"}),
    ],
)
def test_one_kind_of_damage_is_reported_once(damage: Damage, codes: set[str]) -> None:
    data = good_document()
    damage(data)
    assert {f.code for f in findings(data)} == codes


def test_every_rule_but_those_on_files_has_a_case() -> None:
    on_files = {"C001", "I106", "I107", "I108", "I109", "D505"}
    on_sets_and_results = {"A318", "D502", "D503", "D504", "R601", "R602"}
    assert {rule.code for rule in rules()} - {case[0] for case in CASES} == on_files | on_sets_and_results


def test_corners_written_as_a_box_are_recognised() -> None:
    data = good_document()
    data["annotations"][0]["bbox"] = [390, 100, 600, 300]
    (finding,) = [f for f in findings(data) if f.code == "B403"]
    assert "[x1, y1, x2, y2]" in finding.hint


def test_places_are_capped_and_counted_in_full() -> None:
    data = good_document()
    data["annotations"] = [person(n, num_keypoints=0) for n in range(1, 101)]
    (finding,) = [f for f in findings(data) if f.code == "A313"]
    assert finding.count == 100
    assert finding.places == tuple(f"annotations[{n}] (id {n + 1})" for n in range(5))
    assert len(finding.details) == 5


def test_a_person_counts_once_however_many_joints_are_bad() -> None:
    data = good_document()
    for k in (2, 4, 6):
        joint(k, 900, 98 + k, 2)(data)
    (finding,) = [f for f in findings(data) if f.code == "A311"]
    assert finding.count == 1
    assert finding.message.endswith("outside the 640 x 480 image, and 2 more joints")


def test_joints_outside_the_box_are_no_error() -> None:
    data = good_document()
    data["annotations"][0]["bbox"] = [150, 150, 40, 60]
    data["annotations"][0]["area"] = 1200.5
    assert not [f for f in findings(data) if f.severity == "error"]


def test_annotations_of_other_categories_need_no_keypoints() -> None:
    data = good_document()
    data["annotations"][3].update(keypoints=[], num_keypoints=0)
    data["categories"][1]["keypoints"] = []
    assert findings(data) == []


def test_the_codes_can_be_chosen() -> None:
    data = good_document()
    data["annotations"][0].update(id=0, area=0)
    document = CocoDocument(data, "test.json")
    assert [f.code for f in check_document(document, codes={"B405"})] == ["B405"]
