"""Documents for the tests of the formats, and the photos they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from PIL import Image

from labeltool.coco.derive import BOX_AREA_FACTOR, FROM_BOX, box_from_joints
from labeltool.coco.document import CocoDocument
from labeltool.skeleton import Skeleton

#: The size of photo n, by n modulo 3.
SIZES = ((64, 48), (48, 80), (100, 100))


def size_of(number: int) -> tuple[int, int]:
    return SIZES[number % 3]


def photos(folder: Path, names: Sequence[str]) -> Path:
    for n, name in enumerate(names, start=1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size_of(n)).save(path)
    return folder


def steps(low: int, high: int) -> st.SearchStrategy[float]:
    """Sub-pixel coordinates that arithmetic keeps exactly: multiples of 1/64."""
    return st.integers(64 * low, 64 * high).map(lambda n: n / 64)


@st.composite
def people(
    draw: st.DrawFn,
    skeleton: Skeleton,
    number: int,
    image: int,
    flags: Sequence[int],
    tight: bool,
) -> dict[str, Any]:
    """An annotation as the importers make one: inside its photo, area from the box."""
    width, height = size_of(image)
    keypoints: list[float] = []
    for _ in skeleton.joints:
        v = draw(st.sampled_from(flags))
        keypoints += (draw(steps(0, width)), draw(steps(0, height)), v) if v else (0, 0, 0)
    x, y = draw(steps(0, width - 2)), draw(steps(0, height - 2))
    box = [x, y, draw(steps(1, int(width - x))), draw(steps(1, int(height - y)))]
    if tight:
        xy = [keypoints[k : k + 2] for k in range(0, len(keypoints), 3)]
        box = box_from_joints(xy, keypoints[2::3], width, height) or [0.0, 0.0, float(width), float(height)]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": sum(1 for v in keypoints[2::3] if v),
        "bbox": box,
        "area": BOX_AREA_FACTOR * (box[2] * box[3]),
        "area_source": FROM_BOX,
        "iscrowd": 0,
        "segmentation": [],
    }


@st.composite
def documents(
    draw: st.DrawFn,
    skeleton: Skeleton,
    *,
    names: Sequence[str] = ("a.jpg", "b.jpg", "sub/c d.jpg"),
    flags: Sequence[int] = (0, 1, 2),
    counts: tuple[int, int] = (0, 3),
    tight: bool = False,
) -> CocoDocument:
    """A document of the kind an importer makes: numbered from 1, people in the order of their photos."""
    images, annotations = [], []
    for n, name in enumerate(names[: draw(st.integers(1, len(names)))], start=1):
        width, height = size_of(n)
        images.append({"id": n, "file_name": name, "width": width, "height": height})
        for _ in range(draw(st.integers(*counts))):
            annotations.append(draw(people(skeleton, len(annotations) + 1, n, flags, tight)))
    data = {"images": images, "annotations": annotations, "categories": [skeleton.to_category()]}
    return CocoDocument(data, "generated")


@st.composite
def wild_documents(draw: st.DrawFn, skeleton: Skeleton) -> CocoDocument:
    """A document with what few formats hold: odd ids and order, crowds, outlines, other categories, joints outside the photo."""
    document = draw(documents(skeleton, counts=(0, 2)))
    data = document.data
    image_ids = draw(st.lists(st.integers(1, 10**12), min_size=3, max_size=3, unique=True))
    for image in data["images"]:
        image["id"] = image_ids[image["id"] - 1]
        image["licence"] = draw(st.sampled_from([None, 4]))
    people_ids = draw(st.lists(st.integers(1, 10**12), min_size=9, max_size=9, unique=True))
    for n, annotation in enumerate(data["annotations"]):
        annotation["id"] = people_ids[n]
        annotation["image_id"] = image_ids[annotation["image_id"] - 1]
        annotation["iscrowd"] = draw(st.sampled_from([0, 0, 1]))
        annotation["segmentation"] = draw(st.sampled_from([[], [[1, 1, 9, 1, 9, 9]]]))
        annotation["mood"] = draw(st.sampled_from([None, "glad"]))
        if draw(st.booleans()):
            annotation["keypoints"][:3] = [draw(steps(-40, 200)), draw(steps(-40, 200)), draw(st.integers(0, 2))]
        if draw(st.booleans()):
            annotation["bbox"] = draw(st.sampled_from([[0, 0, 0, 0], [-5, -5, 30, 30], [1, 2, 3], [500, 500, 5, 5]]))
    data["annotations"] = draw(st.permutations(data["annotations"]))
    if draw(st.booleans()):
        data["categories"].append({"id": 18, "name": "dog"})
        other = {"id": 10**13, "image_id": data["images"][0]["id"], "category_id": 18, "bbox": [1, 1, 5, 5]}
        data["annotations"].append(other)
    data["info"] = {"year": 2026}
    return document
