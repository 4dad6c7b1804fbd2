"""The harness: each of many kinds of damage, done to the genuine file, is reported with its code and place; nothing crashes."""

from __future__ import annotations

import copy
import gzip
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sample_documents import good_document

from labeltool.coco.check import Report, check_file
from labeltool.coco.document import read_document
from labeltool.errors import CocoError

NAN, INF = float("nan"), float("inf")
#: How long the fuzzing goes on, in seconds; LABELTOOL_FUZZ_SECONDS=600 for a long one.
FUZZ_SECONDS = float(os.environ.get("LABELTOOL_FUZZ_SECONDS", "6"))

Damage = Callable[[dict[str, Any]], Any]


class Genuine:
    """Rows of the genuine file that damage is done to."""

    def __init__(self, data: dict[str, Any]) -> None:
        rows = data["annotations"]
        self.person = next(i for i, a in enumerate(rows) if a["num_keypoints"] >= 14 and a["area"] > 5000)
        self.crowd = next(i for i, a in enumerate(rows) if a["iscrowd"] == 1)
        flat = rows[self.person]["keypoints"]
        self.joints = [k for k in range(17) if flat[3 * k + 2] > 0]


def person(change: Callable[[dict[str, Any], list[int]], Any]) -> Callable[[dict[str, Any], Genuine], str]:
    def damage(data: dict[str, Any], rows: Genuine) -> str:
        row = data["annotations"][rows.person]
        change(row, rows.joints)
        return f"annotations[{rows.person}]"

    return damage


def crowd(**fields: Any) -> Callable[[dict[str, Any], Genuine], str]:
    def damage(data: dict[str, Any], rows: Genuine) -> str:
        data["annotations"][rows.crowd].update(fields)
        return f"annotations[{rows.crowd}]"

    return damage


def image(**fields: Any) -> Callable[[dict[str, Any], Genuine], str]:
    def damage(data: dict[str, Any], _: Genuine) -> str:
        data["images"][5].update(fields)
        return "images[5]"

    return damage


def category(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], Genuine], str]:
    def damage(data: dict[str, Any], _: Genuine) -> str:
        change(data["categories"][0])
        return "categories[0]"

    return damage


def top(place: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], Genuine], str]:
    def damage(data: dict[str, Any], _: Genuine) -> str:
        change(data)
        return place

    return damage


def put(field: str, value: Any) -> Callable[[dict[str, Any], Genuine], str]:
    return person(lambda a, _: a.update({field: value}))


def cut(field: str) -> Callable[[dict[str, Any], Genuine], str]:
    return person(lambda a, _: a.pop(field))


def joint(n: int, *values: Any) -> Callable[[dict[str, Any], Genuine], str]:
    """The n-th labelled joint gets other values, None keeping what stands there."""

    def change(a: dict[str, Any], joints: list[int]) -> None:
        for d, value in enumerate(values):
            if value is not None:
                a["keypoints"][3 * joints[n] + d] = value

    return person(change)


def nested(a: dict[str, Any], _: list[int]) -> None:
    a["keypoints"] = [a["keypoints"][k : k + 3] for k in range(0, 51, 3)]


def one_pixel(a: dict[str, Any], joints: list[int]) -> None:
    i, k = joints[0], joints[1]
    a["keypoints"][3 * i : 3 * i + 2] = a["keypoints"][3 * k : 3 * k + 2]


def shares(a: dict[str, Any], _: list[int]) -> None:
    a["keypoints"] = [v if d % 3 == 2 else v / 1000 for d, v in enumerate(a["keypoints"])]


def tight(a: dict[str, Any], joints: list[int]) -> None:
    xs, ys = [a["keypoints"][3 * k] for k in joints], [a["keypoints"][3 * k + 1] for k in joints]
    a["bbox"] = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def zeroed(a: dict[str, Any], _: list[int]) -> None:
    a["keypoints"] = [0] * 51


def swapped_elbows(a: dict[str, Any], _: list[int]) -> None:
    for k, (x, y) in {5: (100, 50), 6: (200, 50), 7: (200, 80), 8: (100, 80)}.items():
        a["keypoints"][3 * k : 3 * k + 3] = [x, y, 2]


def again(data: dict[str, Any], rows: Genuine) -> str:
    data["annotations"].append(copy.deepcopy(data["annotations"][rows.person]) | {"id": 10**9})
    return f"annotations[{len(data['annotations']) - 1}]"


def again_same_id(data: dict[str, Any], rows: Genuine) -> str:
    data["annotations"].append(copy.deepcopy(data["annotations"][rows.person]))
    return f"annotations[{len(data['annotations']) - 1}]"


def nobody(data: dict[str, Any], rows: Genuine) -> str:
    image = data["annotations"][rows.person]["image_id"]
    data["annotations"] = [a for a in data["annotations"] if a["image_id"] != image]
    return next(f"images[{i}] " for i, entry in enumerate(data["images"]) if entry["id"] == image)


def never_labelled(data: dict[str, Any], _: Genuine) -> str:
    for annotation in data["annotations"]:
        annotation["keypoints"][0:3] = [0, 0, 0]
    return "categories[0]"


def always_visible(data: dict[str, Any], _: Genuine) -> str:
    for annotation in data["annotations"]:
        annotation["keypoints"][2::3] = [2 if v else 0 for v in annotation["keypoints"][2::3]]
    return "categories[0]"


def box_areas(data: dict[str, Any], _: Genuine) -> str:
    for annotation in data["annotations"]:
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
    return "annotations[0]"


def zero_based(c: dict[str, Any]) -> None:
    c["skeleton"] = [[a - 1, b - 1] for a, b in c["skeleton"]]


def swap_two_names(c: dict[str, Any]) -> None:
    c["keypoints"][1:3] = c["keypoints"][2:0:-1]


KINDS: dict[str, tuple[str, Callable[[dict[str, Any], Genuine], str]]] = {
    "no images": ("C002", top("file", lambda d: d.pop("images"))),
    "annotations null": ("C002", top("file", lambda d: d.update(annotations=None))),
    "an annotation that is a number": ("C002", top("annotations[0]", lambda d: d["annotations"].insert(0, 7))),
    "NaN coordinate": ("C003", joint(0, NAN)),
    "infinite area": ("C003", put("area", INF)),
    "unknown key": ("C004", top("top level", lambda d: d.update(annotation=[]))),
    "image id a string": ("I101", image(id="139")),
    "image id a bool": ("I101", image(id=True)),
    "image id missing": ("I101", top("images[5]", lambda d: d["images"][5].pop("id"))),
    "image id twice": ("I102", top("images[5]", lambda d: d["images"][5].update(id=d["images"][0]["id"]))),
    "file name empty": ("I103", image(file_name="")),
    "file name a number": ("I103", image(file_name=12)),
    "file name absolute": ("I104", image(file_name="/data/a.jpg")),
    "file name climbs": ("I104", image(file_name="../a.jpg")),
    "width -1": ("I105", image(width=-1)),
    "height a string": ("I105", image(height="480")),
    "photo missing": ("I106", image(file_name="none.jpg")),
    "size of another scale": ("I107", top("images[5]", lambda d: d["images"][5].update(width=17, height=19))),
    "size on its side": (
        "I108",
        top(
            "images[5]", lambda d: d["images"][5].update(width=d["images"][5]["height"], height=d["images"][5]["width"])
        ),
    ),
    "category id 0": ("K201", category(lambda c: c.update(id=0))),
    "category name empty": ("K202", category(lambda c: c.update(name=""))),
    "joint names missing": ("K203", category(lambda c: c.pop("keypoints"))),
    "joint name twice": ("K203", category(lambda c: c["keypoints"].__setitem__(1, "nose"))),
    "no skeleton": ("K204", category(lambda c: c.pop("skeleton"))),
    "limb beyond the joints": ("K205", category(lambda c: c["skeleton"].append([1, 18]))),
    "limbs from 0": ("K206", category(zero_based)),
    "limb twice": ("K207", category(lambda c: c["skeleton"].append(c["skeleton"][0][::-1]))),
    "names in another order": ("K208", category(swap_two_names)),
    "left without right": ("K209", category(lambda c: c["keypoints"].__setitem__(16, "right_foot"))),
    "sigmas of another length": ("K210", category(lambda c: c.update(sigmas=[0.1] * 16))),
    "annotation id a string": ("A301", put("id", "17")),
    "annotation id twice": ("A302", again_same_id),
    "annotation id 0": ("A303", put("id", 0)),
    "no such image": ("A304", put("image_id", 1)),
    "image id null": ("A304", put("image_id", None)),
    "no such category": ("A305", put("category_id", 99)),
    "nested keypoints": ("A306", person(nested)),
    "keypoints a string": ("A306", put("keypoints", "1 2 2")),
    "keypoints as strings": ("A306", person(lambda a, _: a.update(keypoints=list(map(str, a["keypoints"]))))),
    "an integer of 400 digits": ("A306", joint(0, 10**399)),
    "one number short": ("A307", person(lambda a, _: a["keypoints"].pop())),
    "14 joints": ("A307", person(lambda a, _: a.update(keypoints=a["keypoints"][:42]))),
    "v = 3": ("A308", joint(0, None, None, 3)),
    "v = -1": ("A308", joint(0, None, None, -1)),
    "v = 2.0": ("A308", joint(0, None, None, 2.0)),
    "not labelled, but somewhere": ("A309", joint(0, None, None, 0)),
    "labelled at the corner": ("A310", joint(0, 0, 0)),
    "far outside the image": ("A311", joint(0, 5000)),
    "an integer of 300 digits": ("A311", joint(0, 10**299)),
    "just outside the image": ("A311", joint(0, -0.5)),
    "num_keypoints wrong": ("A312", put("num_keypoints", 3)),
    "num_keypoints missing": ("A312", cut("num_keypoints")),
    "num_keypoints 0": ("A313", put("num_keypoints", 0)),
    "all v 0": ("A313", person(zeroed)),
    "two joints at one pixel": ("A314", person(one_pixel)),
    "a joint far from the box": ("A315", put("bbox", [0, 0, 20, 20])),
    "elbows exchanged": ("A316", person(swapped_elbows)),
    "a limb too long": ("A317", put("bbox", [0, 0, 20, 20])),
    "coordinates in shares": ("A318", person(shares)),
    "no bbox": ("B401", cut("bbox")),
    "bbox of three numbers": ("B401", put("bbox", [1, 2, 3])),
    "negative width": ("B402", put("bbox", [50, 50, -20, 20])),
    "corners for a box": ("B403", put("bbox", [300, 300, 600, 400])),
    "bbox of the joints": ("B404", person(tight)),
    "area 0": ("B405", put("area", 0)),
    "no area": ("B405", cut("area")),
    "area a string": ("B405", put("area", "812.5")),
    "area beyond the box": ("B406", person(lambda a, _: a.update(area=2 * a["bbox"][2] * a["bbox"][3]))),
    "areas of the boxes": ("B406", box_areas),
    "iscrowd missing": ("B407", cut("iscrowd")),
    "iscrowd true": ("B407", put("iscrowd", True)),
    "polygon crowd": ("B408", crowd(segmentation=[[1, 1, 9, 1, 9, 9]])),
    "polygon of two points": ("B409", put("segmentation", [[1, 2, 3, 4]])),
    "RLE of another size": ("B409", crowd(segmentation={"size": [3, 3], "counts": [9]})),
    "person twice": ("D501", again),
    "image without people": ("D502", nobody),
    "all visible": ("D503", always_visible),
    "a joint never labelled": ("D504", never_labelled),
}


@pytest.fixture(scope="module")
def genuine(coco_mini: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((coco_mini / "annotations" / "person_keypoints_val2017.json").read_text())
    return data


@pytest.fixture(scope="module")
def untouched(genuine: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, coco_mini: Path) -> Report:
    path = tmp_path_factory.mktemp("genuine") / "labels.json"
    path.write_text(json.dumps(genuine))
    return check_file(path, coco_mini / "images")


def test_there_are_at_least_sixty_kinds() -> None:
    assert len(KINDS) >= 60


@pytest.mark.parametrize("kind", KINDS)
def test_damage_to_the_genuine_file_is_reported(
    kind: str, genuine: dict[str, Any], untouched: Report, coco_mini: Path, tmp_path: Path
) -> None:
    code, damage = KINDS[kind]
    data = copy.deepcopy(genuine)
    place = damage(data, Genuine(genuine))
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(data))
    report = check_file(path, coco_mini / "images" if code in ("I106", "I107", "I108") else None)
    found = [f for f in report.findings if f.code == code]
    assert found, f"found only {[f.code for f in report.findings]}"
    # Of a kind that the genuine file has as well, there is one more place, or the place is named.
    before = [f for f in untouched.findings if f.code == code]
    places = [p for f in found for p in f.places]
    more = sum(f.count for f in found) > sum(f.count for f in before) > 0
    assert more or any(p.startswith(place) for p in places), places


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (lambda raw: raw[: len(raw) // 2], "line 1, column ", "looks cut"),
        (lambda raw: raw.replace(b'"id": ', b'"id" ', 1), "line 1, column ", "expecting"),
        (lambda raw: raw.replace(b'"info"', b'"inf\xe9"', 1), "line 1, column 6", "not UTF-8"),
        (lambda raw: raw.decode().encode("utf-16"), "line 1, column 1", "UTF-16"),
        (lambda raw: b"\xef\xbb\xbf" + raw, "file", "byte order mark"),
        (lambda raw: raw.replace(b'"iscrowd": 0', b'"iscrowd": 0, "iscrowd": 1', 1), "annotations[", "stands twice"),
        (lambda raw: gzip.compress(raw)[:-100], "file", "looks cut"),
        (lambda raw: b"", "file", "empty"),
        (lambda raw: raw + b"]", "line 1, column ", "more text"),
        (lambda raw: b"[" * 3_000_000, "line 1, column 201", "nested too deep"),
        (lambda raw: b'{"annotations": [' + b'{"a": [' * 1_000_000, "line 1, column ", "nested too deep"),
        (lambda raw: raw.replace(b'"id": ', b'"id": ' + b"7" * 5000, 1), "line 1, column ", "digits"),
        (lambda raw: raw.replace(b"\\n", b"\n").replace(b'"COCO', b'"\n', 1), "line 1, column ", "control character"),
    ],
)
def test_damage_to_the_text_is_reported(
    change: Callable[[bytes], bytes], place: str, words: str, coco_mini: Path, tmp_path: Path
) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(change((coco_mini / "annotations" / "person_keypoints_val2017.json").read_bytes()))
    found = [f for f in check_file(path).findings if f.code == "C001"]
    assert len(found) == 1
    assert found[0].places[0].startswith(place)
    assert words in found[0].message
    assert "\n" not in found[0].message


def test_fuzzed_files_give_a_report_or_a_clear_line(tmp_path: Path) -> None:
    """Bytes of a document are flipped, cut, doubled and replaced by what JSON is made of, for a bounded time."""
    whole = json.dumps(good_document()).encode()
    tokens = [
        b"null",
        b"NaN",
        b"-1",
        b"1e999",
        b'""',
        b"[]",
        b"{}",
        b"true",
        b'"id":',
        b"9" * 25,
        b",",
        b"}",
        b"]",
        b"\xff",
    ]
    rng = random.Random(0)
    path = tmp_path / "labels.json"
    start, count = time.monotonic(), 0
    while time.monotonic() - start < FUZZ_SECONDS and count < 100_000:
        raw = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(raw) + 1)
            to = min(len(raw), at + rng.choice((0, 1, 4, 30)))
            raw[at:to] = rng.choice((b"", bytes(raw[at:to]) * 2, rng.choice(tokens), bytes([rng.randrange(256)])))
        path.write_bytes(raw)
        report = check_file(path)
        assert all("\n" not in f.message for f in report.findings)
        try:
            read_document(path)
        except CocoError as error:
            assert "\n" not in str(error)
        count += 1
    assert count > 100
