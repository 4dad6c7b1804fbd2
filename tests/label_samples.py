"""A small project with photos of every kind, for the tests of the server and of the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from labeltool.coco.document import CocoDocument
from labeltool.project import PredictedPerson, Project
from labeltool.project.config import DEFAULT_BLIND_SHARE
from labeltool.skeleton import COCO_17

TOKEN = "the-token"
ORIGIN = "http://127.0.0.1:8600"

PHOTOS = ("plain.jpg", "turned.jpg", "grey16.png", "text.jpg", "cut.jpg", "empty.jpg", "missing.jpg", "cmyk.jpg")


def save_photos(folder: Path) -> None:
    """Photos of 40 x 30 pixels: a red corner at the top left when upright; some that are none."""
    folder.mkdir()
    upright = Image.new("RGB", (40, 30), (40, 90, 160))
    upright.paste((220, 20, 20), (0, 0, 10, 10))
    upright.save(folder / "plain.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", quality=95, exif=exif)
    Image.new("I;16", (40, 30), 40000).save(folder / "grey16.png")
    (folder / "text.jpg").write_text("no photo")
    noise = Image.effect_noise((400, 300), 80)
    noise.save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    upright.convert("CMYK").save(folder / "cmyk.jpg")


def document() -> dict[str, Any]:
    """Two labelled people and one crowd on the first photo, one person without joints on the second."""
    joints: list[float] = []
    for i in range(17):
        joints += [10.5 + i, 5 + i * 0.25, 2 if i % 3 else 1] if i != 4 else [0, 0, 0]
    person = {"category_id": 1, "iscrowd": 0, "area": 200.5, "bbox": [8, 4, 24, 20], "segmentation": []}
    return {
        "info": {"description": "test"},
        "images": [
            {"id": 100 + i, "file_name": name, "width": 40, "height": 30, "license": 3} for i, name in enumerate(PHOTOS)
        ],
        "annotations": [
            {**person, "id": 1, "image_id": 100, "num_keypoints": 16, "keypoints": joints},
            {**person, "id": 2, "image_id": 100, "num_keypoints": 16, "keypoints": [*joints], "bbox": [1, 1, 9, 9]},
            {**person, "id": 3, "image_id": 100, "num_keypoints": 0, "keypoints": [0] * 51, "iscrowd": 1},
            {**person, "id": 4, "image_id": 101, "num_keypoints": 0, "keypoints": [0] * 51},
        ],
        "categories": [COCO_17.to_category()],
    }


def make_project(
    folder: Path,
    *,
    blind_share: float = DEFAULT_BLIND_SHARE,
    places: dict[str, tuple[float, float, float]] | None = None,
) -> Path:
    """A project of the eight photos in a folder, pre-filled on the second; `places` are the prediction's x, y, confidence."""
    save_photos(folder / "photos")
    path = folder / "project"
    made = CocoDocument(document(), "test.json")
    with Project.create(path, made, folder / "photos", COCO_17, blind_share=blind_share) as project:
        person = project.people(101)[0]
        joints = places or {"nose": (12.0, 6.0, 0.75), "left_hip": (15.5, 18.0, 0.5)}
        guess = PredictedPerson((8, 4, 24, 20), 0.9, joints, person.id)
        project.add_predictions("toy", "1", "0" * 64, {101: [guess]}, fill=True)
    return path


def first_person(client: TestClient, image_id: int = 100) -> dict[str, Any]:
    """The first person of an image, as the server has it now."""
    person: dict[str, Any] = client.get(f"/api/images/{image_id}").json()["people"][0]
    return person


def edit(person: dict[str, Any], edit_id: str = "e1", **fields: Any) -> dict[str, Any]:
    """The body of a save that starts from a person's revision."""
    return {"base": person["revision"], "edit_id": edit_id, "action": "move", "active_seconds": 1.5, **fields}
