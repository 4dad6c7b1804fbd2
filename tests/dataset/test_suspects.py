from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from labeltool.coco.document import CocoDocument
from labeltool.dataset.suspects import suspects
from labeltool.skeleton import LSP_14

#: A standing person, in shares of its height, in the order of LSP.
BODY = np.array(
    [
        (-0.10, 1.00), (-0.09, 0.75), (-0.08, 0.52), (0.08, 0.52), (0.09, 0.75), (0.10, 1.00),
        (-0.18, 0.55), (-0.16, 0.40), (-0.12, 0.22), (0.12, 0.22), (0.16, 0.40), (0.18, 0.55),
        (0.00, 0.18), (0.00, 0.02),
    ]
)  # fmt: skip


@pytest.fixture
def crowd() -> CocoDocument:
    """Sixty people of all sizes, one a photo, with joints a few per cent off the ideal body."""
    rng = np.random.default_rng(11)
    images, annotations = [], []
    for n in range(1, 61):
        height = rng.uniform(60, 600)
        xy = (BODY + rng.normal(0, 0.01, BODY.shape)) * height + (400, 20)
        low, high = xy.min(axis=0), xy.max(axis=0)
        images.append({"id": n, "file_name": f"{n}.jpg", "width": 900, "height": 900})
        annotations.append(
            {
                "id": 100 + n,
                "image_id": n,
                "category_id": 1,
                "keypoints": [value for x, y in xy.tolist() for value in (x, y, 2)],
                "bbox": [*low.tolist(), *(high - low).tolist()],
            }
        )
    return CocoDocument({"images": images, "annotations": annotations, "categories": [LSP_14.to_category()]}, "crowd")


def move(annotation: dict[str, Any], joint: str, x: float, y: float) -> None:
    k = 3 * LSP_14.index(joint)
    annotation["keypoints"][k] += x
    annotation["keypoints"][k + 1] += y


def exchange(annotation: dict[str, Any], *pairs: tuple[str, str]) -> None:
    values = annotation["keypoints"]
    for a, b in pairs:
        i, j = 3 * LSP_14.index(a), 3 * LSP_14.index(b)
        values[i : i + 3], values[j : j + 3] = values[j : j + 3], values[i : i + 3]


def test_good_people_are_not_suspect(crowd: CocoDocument) -> None:
    assert suspects(crowd) == []


def test_planted_mistakes_are_found_and_nothing_else(crowd: CocoDocument) -> None:
    people = crowd.annotations
    size = [a["bbox"][3] for a in people]
    exchange(people[3], ("left_shoulder", "right_shoulder"))
    move(people[7], "right_wrist", 0.1 * size[7], 0.6 * size[7])
    move(people[9], "head_top", 0, 3 * size[9])
    people.append(copy.deepcopy(people[12]) | {"id": 999})
    found = suspects(crowd)
    kinds = {(s.kind, s.annotation, s.joints) for s in found}
    assert ("swap", 104, ("left_shoulder", "right_shoulder")) in kinds
    assert ("limb", 108, ("right_wrist", "right_elbow")) in kinds
    assert ("limb", 110, ("neck", "head_top")) in kinds
    assert ("stray", 110, ("head_top",)) in kinds
    assert ("twin", 999, ()) in kinds
    assert {s.annotation for s in found} == {104, 108, 110, 999}
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    assert all(s.score >= 1 for s in found)


def test_the_size_of_the_photo_does_not_matter(crowd: CocoDocument) -> None:
    move(crowd.annotations[7], "right_wrist", 0, 0.6 * crowd.annotations[7]["bbox"][3])
    large = copy.deepcopy(crowd.data)
    for a in large["annotations"]:
        a["keypoints"] = [v if k % 3 == 2 else 4 * v for k, v in enumerate(a["keypoints"])]
        a["bbox"] = [4 * v for v in a["bbox"]]
    assert suspects(CocoDocument(large, "large")) == suspects(crowd) != []


def test_documents_that_say_little(crowd: CocoDocument) -> None:
    few = crowd.data | {"annotations": crowd.annotations[:2]}
    assert suspects(CocoDocument(few, "few")) == []
    assert suspects(CocoDocument(crowd.data | {"annotations": []}, "none")) == []
    for a in crowd.annotations:
        a["keypoints"] = [0] * 42
    assert suspects(crowd) == []
    for a in crowd.annotations:
        a["bbox"] = [0, 0, 0, 0]
    assert suspects(crowd) == []
