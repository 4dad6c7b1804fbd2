"""The rules that look at many people, at photos, at other splits and at results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sample_documents import good_document, person

from labeltool.coco.check import check_document, check_file
from labeltool.coco.document import CocoDocument
from labeltool.coco.findings import Finding


def many_people(count: int = 80, seed: int = 0) -> dict[str, Any]:
    """A document of people in whole pixels, each in an image of its own, joints hidden more often towards the feet."""
    rng = np.random.default_rng(seed)
    data = good_document()
    data["images"] = [{"id": n, "file_name": f"{n}.jpg", "width": 640, "height": 480} for n in range(1, count + 1)]
    data["annotations"] = [person(n, n) for n in range(1, count + 1)]
    for annotation in data["annotations"]:
        flat = annotation["keypoints"]
        for k in range(17):
            flat[3 * k] = int(100 + 5 * k + rng.integers(-2, 3))
            flat[3 * k + 1] = int(80 + 9 * k + rng.integers(-2, 3))
            flat[3 * k + 2] = 1 if rng.random() < k / 20 else 2
        annotation["num_keypoints"] = 17
    return data


def found(data: Any, **options: Any) -> dict[str, Finding]:
    return {f.code: f for f in check_document(CocoDocument(data, "test.json"), **options)}


def flags(data: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.array([a["keypoints"][2::3] for a in data["annotations"]])


def put_flags(data: dict[str, Any], v: np.ndarray[Any, Any]) -> None:
    for annotation, row in zip(data["annotations"], v.tolist(), strict=True):
        annotation["keypoints"][2::3] = row
        annotation["num_keypoints"] = sum(flag > 0 for flag in row)


def test_many_ordinary_people_have_no_finding() -> None:
    assert found(many_people()) == {}


def test_coordinates_in_shares_of_the_image() -> None:
    data = many_people()
    for row in (3, 5):
        flat = data["annotations"][row]["keypoints"]
        flat[0::3] = [x / 640 for x in flat[0::3]]
        flat[1::3] = [y / 480 for y in flat[1::3]]
    finding = found(data)["A318"]
    assert (finding.severity, finding.count) == ("error", 2)
    assert finding.message == "annotations[3] (id 4): all joints lie between 0 and 1, expected pixels"


def test_one_person_between_pixels_among_many_on_them() -> None:
    data = many_people()
    data["annotations"][7]["keypoints"][3] += 0.5
    finding = found(data)["A318"]
    assert (finding.severity, finding.places) == ("warning", ("annotations[7] (id 8)",))
    for annotation in data["annotations"][:10]:
        annotation["keypoints"][0] += 0.25
    assert "A318" not in found(data)


def test_one_long_limb_among_many_ordinary_ones() -> None:
    data = many_people()
    data["annotations"][7]["keypoints"][45:47] = [100, 210]
    data["annotations"][7]["keypoints"][39:41] = [180, 100]
    finding = found(data)["A317"]
    assert finding.places == ("annotations[7] (id 8)",)
    assert "% of the bbox's diagonal" in finding.message


def test_an_image_without_annotation() -> None:
    data = many_people()
    del data["annotations"][4]
    finding = found(data)["D502"]
    assert (finding.severity, finding.message) == ("warning", "images[4] (id 5): no annotation")


@pytest.mark.parametrize("value", [1, 2])
def test_one_flag_for_all(value: int) -> None:
    data = many_people()
    put_flags(data, np.full((80, 17), value))
    assert found(data)["D503"].message == f"categories[0] (id 1): v is {value} for all 1,360 labelled joints"


def test_flags_drawn_by_lot() -> None:
    data = many_people()
    put_flags(data, np.random.default_rng(3).choice([1, 2], size=(80, 17), p=[0.3, 0.7]))
    assert "as if it had been drawn by lot" in found(data)["D503"].message


def test_joints_never_or_seldom_labelled() -> None:
    data = many_people()
    v = flags(data)
    v[:, 3] = 0
    v[1:, 4] = 0
    put_flags(data, v)
    for annotation in data["annotations"]:
        for k in (3, 4):
            if not annotation["keypoints"][3 * k + 2]:
                annotation["keypoints"][3 * k : 3 * k + 3] = [0, 0, 0]
    every = [f for f in check_document(CocoDocument(data, "test.json")) if f.code == "D504"]
    assert [f.details[0] for f in every] == [
        "joint 'left_ear' is labelled for none of 80 people",
        "joint 'right_ear' is labelled 1 times, 'nose' 80 times",
    ]


def test_small_sets_are_not_judged() -> None:
    data = many_people(19)
    put_flags(data, np.full((19, 17), 2))
    assert found(data) == {}


def test_the_same_person_among_ten_thousand_in_one_image() -> None:
    data = many_people(1)
    rng = np.random.default_rng(1)
    base = person(1)["keypoints"]
    data["annotations"] = []
    for n in range(1, 2001):
        shifted = list(base)
        x, y = rng.integers(0, 400), rng.integers(0, 200)
        shifted[0::3] = [int(v + x) for v in base[0::3]]
        shifted[1::3] = [int(v + y) for v in base[1::3]]
        data["annotations"].append(person(n, 1, keypoints=shifted, num_keypoints=17))
    data["annotations"][1999]["keypoints"] = list(data["annotations"][5]["keypoints"])
    document = CocoDocument(data, "test.json")
    (finding,) = check_document(document, codes={"D501"})
    assert finding.count >= 1


def test_crowds_and_other_images_are_not_compared() -> None:
    data = good_document()
    data["annotations"].insert(1, person(99, 2, keypoints=list(data["annotations"][0]["keypoints"])))
    data["annotations"][2] = person(12, 2, shift=200)
    assert "D501" not in found(data)


def photo(path: Path, seed: int, size: tuple[int, int] = (40, 30)) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def images(*names: str, start: int = 1) -> dict[str, Any]:
    listed = [{"id": n, "file_name": name, "width": 40, "height": 30} for n, name in enumerate(names, start)]
    return good_document() | {"images": listed, "annotations": []}


def test_one_photo_under_two_names(tmp_path: Path) -> None:
    for name, seed in (("a.jpg", 1), ("b.jpg", 2), ("c.png", 3), ("d.png", 4)):
        photo(tmp_path / name, seed)
    rotated = Image.Exif()
    rotated[0x010E] = "a description"
    raw = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "copy.jpg").write_bytes(raw[:2] + b"\xff\xfe\x00\x07hello" + raw[2:])
    with Image.open(tmp_path / "c.png") as opened:
        opened.save(tmp_path / "copy.webp", lossless=True)
    data = images("a.jpg", "b.jpg", "c.png", "d.png", "copy.jpg", "copy.webp")
    finding = found(data, images_root=tmp_path)["I109"]
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.details == ("the same pixels as images[0] (id 1)", "the same pixels as images[2] (id 3)")


def test_the_same_photo_in_two_splits(tmp_path: Path) -> None:
    for name, seed in (("a.jpg", 1), ("b.jpg", 2), ("c.jpg", 3), ("other.jpg", 2)):
        photo(tmp_path / name, seed)
    data = images("a.jpg", "b.jpg", "c.jpg")
    split = CocoDocument(images("a.jpg", "other.jpg", start=3), "val.json")
    every = [f for f in check_document(CocoDocument(data, "train.json"), splits=[split]) if f.code == "D505"]
    assert [(f.severity, f.message) for f in every] == [
        ("error", "images[0] (id 1): file_name 'a.jpg' is also in val.json: images[0] (id 3)"),
        ("warning", "images[2] (id 3): id 3 is another photo in val.json"),
    ]
    (finding, _) = [
        f
        for f in check_document(CocoDocument(data, "train.json"), images_root=tmp_path, splits=[split])
        if f.code == "D505"
    ]
    assert finding.details[1] == "the same pixels as in val.json: images[1] (id 4)"


def result(**changes: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 1, "keypoints": [1.5, 2, 1] * 17, "score": 0.5} | changes


def checked(tmp_path: Path, results: Any, truth: CocoDocument | None = None) -> dict[str, Finding]:
    path = tmp_path / "results.json"
    path.write_text(results if isinstance(results, str) else json.dumps(results))
    return {f.code: f for f in check_file(path, truth=truth).findings}


def test_good_results(tmp_path: Path) -> None:
    assert checked(tmp_path, [result(), result(image_id=2)]) == {}
    assert checked(tmp_path, [result(), result(image_id=2)], CocoDocument(good_document(), "truth.json")) == {}


def test_bad_results_are_counted(tmp_path: Path) -> None:
    every = [result(score=None), result(), 5, result(image_id=99), result(keypoints=[1, 2])]
    assert checked(tmp_path, every)["R601"].count == 3
    finding = checked(tmp_path, every, CocoDocument(good_document(), "truth.json"))["R601"]
    assert (finding.severity, finding.places) == ("error", ("results[0]", "results[2]", "results[3]", "results[4]"))
    assert finding.message == "results[0]: score is null, expected a finite number"
    assert finding.details[2] == "image_id 99 is no image of the truth"


def test_an_empty_list_and_nan(tmp_path: Path) -> None:
    assert checked(tmp_path, [])["R601"].message == "file: the list is empty, expected at least one result"
    text = json.dumps([result(keypoints=[float("nan"), 1, 2] * 17)])
    assert set(checked(tmp_path, text)) == {"C003", "R601"}


def test_too_many_results_and_some_boxes(tmp_path: Path) -> None:
    assert checked(tmp_path, [result() for _ in range(20)]) == {}
    finding = checked(tmp_path, [result(image_id=2)] + [result() for _ in range(21)])["R602"]
    assert finding.message == "results[1]: one of 21 results of image 1 and category 1, expected at most 20"
    assert finding.severity == "warning"
    finding = checked(tmp_path, [result(), result(bbox=[1, 2, 3, 4])])["R602"]
    assert finding.message == "results[1]: a bbox, though the first result has none"
