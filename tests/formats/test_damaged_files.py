"""Whatever happens to a file of a foreign format, reading it gives a document or one clear line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from format_documents import photos

from labeltool.coco.document import CocoDocument
from labeltool.errors import LabeltoolError
from labeltool.formats.ai_challenger import AIC_14
from labeltool.formats.crowdpose import CROWDPOSE_14
from labeltool.formats.registry import get_format
from labeltool.formats.wholebody import WHOLEBODY_133
from labeltool.skeleton import COCO_17, MPII_16, Skeleton

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, -1e300, "", "x", "12", [], {}, [[]], [None], {"a": 1}, "a/../../b", "\x00", "é\ud7ff",
)  # fmt: skip

SKELETONS: dict[str, Skeleton] = {
    "coco": COCO_17,
    "mpii-json": MPII_16,
    "coco-wholebody": WHOLEBODY_133,
    "crowdpose": CROWDPOSE_14,
    "ai-challenger": AIC_14,
    "label-studio": COCO_17,
    "darwin": COCO_17,
}


def sample(skeleton: Skeleton) -> CocoDocument:
    people = [
        {
            "id": n,
            "image_id": 1,
            "category_id": 1,
            "keypoints": [value for k in range(len(skeleton)) for value in (5 + n, 4 + k % 40, 1 + k % 2)],
            "bbox": [1, 2, 40, 41.5],
            "area": 100,
            "iscrowd": 0,
        }
        for n in (1, 2)
    ]
    image = {"id": 1, "file_name": "a.jpg", "width": 48, "height": 80}
    return CocoDocument({"images": [image], "annotations": people, "categories": [skeleton.to_category()]}, "sample")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    found: list[tuple[Any, Any]] = []
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(rows):
        found.append((value, key))
        found += places(item)
    return found


def damaged(value: Any, rng: random.Random) -> Any:
    """A copy with one to three places replaced, dropped or doubled."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        spots = places(value)
        if not spots:
            break
        # near the top as often as among the many numbers at the bottom
        owner, key = rng.choice(spots[: rng.choice((8, 40, len(spots)))])
        act = rng.randrange(3)
        if act == 0:
            owner[key] = rng.choice(ODD)
        elif act == 1:
            del owner[key]
        elif isinstance(owner, list):
            owner.append(owner[key])
        else:
            owner["extra"] = owner[key]
    return value


def survives(read: Callable[[], object]) -> bool:
    """Whether reading gave a document; the error is one line."""
    try:
        read()
    except LabeltoolError as error:
        assert str(error) and "\n" not in str(error)
        return False
    return True


@pytest.mark.parametrize("name", SKELETONS)
def test_json_formats(name: str, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", ["a.jpg"])
    target = tmp_path / "out"
    get_format(name).write(sample(SKELETONS[name]), target)
    file = next(target.rglob("*.json")) if target.is_dir() else target
    whole = json.loads(file.read_text())
    rng = random.Random(name)
    path = tmp_path / "damaged.json"
    good = 0
    for _ in range(300):
        path.write_text(json.dumps(damaged(whole, rng)))
        good += survives(lambda: get_format(name).read(path, folder))
    assert good < 300
    text = file.read_text()
    for cut in range(0, len(text), max(1, len(text) // 60)):
        path.write_text(text[:cut])
        assert not survives(lambda: get_format(name).read(path, folder))


@pytest.mark.parametrize("name", ["cvat", "csv", "parquet", "yolo-pose"])
def test_other_formats(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    get_format(name).write(sample(COCO_17), target)
    folder = photos(tmp_path / "photos", ["a.jpg"])
    files = [target / "data.yaml", target / "labels" / "a.txt"] if name == "yolo-pose" else [target]
    rng = random.Random(name)
    refused = 0
    for file in files:
        whole = file.read_bytes()
        for _ in range(250):
            raw = bytearray(whole)
            for _ in range(rng.randint(1, 4)):
                spot = rng.randrange(len(raw))
                if rng.random() < 0.5:
                    raw[spot] = rng.randrange(256)
                else:
                    del raw[spot : spot + rng.randint(1, 20)]
            file.write_bytes(raw)
            refused += not survives(lambda: get_format(name).read(target, folder, COCO_17))
        file.write_bytes(whole)
    assert refused > 20
