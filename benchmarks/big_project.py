"""Makes a project of 100,000 photos and 200,000 people in a minute or two, and measures what the queue costs in it.

A few distinct photos stand in folders of their own by symbolic links, so that the project needs little room on disk:

    python benchmarks/big_project.py [--images N] [--keep DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from labeltool.coco.document import CocoDocument
from labeltool.project import ORDERS, PredictedPerson, Project
from labeltool.skeleton import COCO_17

IMAGES = 100_000
PEOPLE_EACH = 2
DISTINCT = 20
WIDTH, HEIGHT = 1280, 853
FOLDER_OF = 1000

#: Share of the photos that each status has in the end.
SHARES = {"done": 0.4, "in_progress": 0.02, "skipped": 0.03}

#: Where a standing person's joints lie in a box of 1 x 1, in COCO's order.
_POSE = (
    (0.5, 0.09), (0.54, 0.07), (0.46, 0.07), (0.58, 0.09), (0.42, 0.09), (0.66, 0.21), (0.34, 0.21), (0.74, 0.37), (0.26, 0.37),
    (0.78, 0.52), (0.22, 0.52), (0.6, 0.52), (0.4, 0.52), (0.6, 0.74), (0.4, 0.74), (0.6, 0.95), (0.4, 0.95),
)  # fmt: skip


def make_photos(folder: Path, images: int = IMAGES) -> list[str]:
    """Photos in folders of a thousand, all but the first few links to those; their names below the folder."""
    rng = np.random.default_rng(1)
    distinct = folder / "distinct"
    distinct.mkdir(parents=True)
    for n in range(DISTINCT):
        small = rng.integers(0, 256, (14, 21, 3), dtype=np.uint8)
        photo = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        photo.save(distinct / f"{n:02}.jpg", quality=85)
    names = []
    for n in range(images):
        name = f"scene{n // FOLDER_OF:03}/{n:06}.jpg"
        if n % FOLDER_OF == 0:
            (folder / name).parent.mkdir()
        (folder / name).symlink_to(distinct / f"{n % DISTINCT:02}.jpg")
        names.append(name)
    return names


def document(names: list[str], people_each: int = PEOPLE_EACH) -> dict[str, Any]:
    """A COCO document: on two photos of five everybody is labelled, on the others people have boxes only."""
    rng = random.Random(1)
    images = [{"id": n + 1, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names)]
    annotations: list[dict[str, Any]] = []
    for image in images:
        labelled = image["id"] % 5 < 2  # type: ignore[operator]
        for _ in range(people_each):
            w, h = rng.randint(120, 300), rng.randint(300, 700)
            x, y = rng.randint(0, WIDTH - w), rng.randint(0, HEIGHT - h)
            joints = [v for u, t in _POSE for v in (x + u * w, y + t * h, 2)] if labelled else [0] * 51
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [x, y, w, h],
                    "area": 0.53 * w * h,
                    "segmentation": [],
                    "keypoints": joints,
                    "num_keypoints": 17 if labelled else 0,
                }
            )
    return {"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}


def make_big_project(folder: Path, images: int = IMAGES, *, predicted: int | None = None) -> Path:
    """The project below a folder that is new: photos, labels, predictions of two models on some images, statuses of all kinds.

    Args:
        folder: where the photos and the project go; it must not exist.
        images: how many photos.
        predicted: how many of them get predictions by the store's own way; by default one in fifty. All others without labels
            have doubts drawn at random, as if a model had seen them.

    Returns:
        the project's path.
    """
    names = make_photos(folder / "photos", images)
    path = folder / "project"
    with Project.create(path, CocoDocument(document(names), "big"), folder / "photos", COCO_17) as project:
        waiting = [n for n in range(1, images + 1) if n % 5 >= 2]
        _predict(project, waiting[:: max(1, len(waiting) // (images // 50 if predicted is None else predicted or 1))])
    _finish(path / "labels.db", images)
    return path


def _predict(project: Project, image_ids: list[int]) -> None:
    rng = random.Random(2)
    for model, jitter in (("first", 2.0), ("second", 8.0)):
        for start in range(0, len(image_ids), 500):
            found: dict[int, list[PredictedPerson]] = {}
            for image_id in image_ids[start : start + 500]:
                found[image_id] = []
                for person in project.people(image_id):
                    x, y, w, h = person.box or (0, 0, 1, 1)
                    joints = {
                        name: (x + u * w + rng.gauss(0, jitter), y + t * h + rng.gauss(0, jitter), rng.random())
                        for name, (u, t) in zip(COCO_17.joints, _POSE, strict=True)
                    }
                    found[image_id].append(PredictedPerson((x, y, w, h), rng.random(), joints, person.id))
            project.add_predictions(model, "1", "0" * 64, found, fill=model == "first")


def _finish(database: Path, images: int) -> None:
    """Statuses, doubts, flags and a long log of revisions, as months of work leave them; straight into the tables, for speed."""
    rng = np.random.default_rng(3)
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        draw = rng.random((images, 3)).round(6).tolist()
        connection.executemany(
            "UPDATE images SET doubt = ?, doubt_confidence = ?, doubt_pose = ? WHERE id = ? AND doubt IS NULL AND id % 5 >= 2",
            [(*row, n + 1) for n, row in enumerate(draw)],
        )
        connection.execute("UPDATE images SET status = 'in_progress', reason = NULL WHERE id % 50 = 2")
        connection.execute("UPDATE images SET status = 'skipped', reason = 'too dark' WHERE id % 33 = 5 AND id % 5 > 1")
        connection.execute("UPDATE images SET fix_note = 'left and right', fix_author = 'rev' WHERE id % 500 = 7")
        after = json.dumps(
            {"box": None, "deleted": False, "joints": {j: [1.5, 2.5, 2, "moved"] for j in COCO_17.joints}}
        )
        rows = (
            (n, 1, 0, ("anna", "ben", "carla")[n % 3], "2026-01-01T00:00:00.000Z", "move", after, 12.5, f"made {n}")
            for n in range(1, images + 1)
        )
        connection.executemany(
            "INSERT OR IGNORE INTO revisions (person_id, number, base, author, at, action, after, active_seconds, edit_id) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        connection.execute("UPDATE people SET revision = 1 WHERE revision = 0 AND id <= ?", (images,))
    connection.close()


def measure(path: Path) -> dict[str, float]:
    """Milliseconds (the least of three) of what the queue asks the store, and the memory that it took in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures: dict[str, float] = {}

    def clock(name: str, run: Callable[[], object]) -> None:
        figures[f"{name}_ms"] = 1000 * min(_timed(run) for _ in range(3))

    with Project.open(path) as project:
        images = project.status_counts()
        last = sum(images.values())
        for order in ORDERS:
            clock(f"queue_{order}", lambda order=order: project.queue(order=order, seed=1))  # type: ignore[misc]
        clock("page_first", lambda: project.queue_page(limit=50))
        clock("page_uncertain_deep", lambda: project.queue_page("unfinished", order="uncertainty", offset=last // 3))
        clock("page_search", lambda: project.queue_page(text="scene042", limit=50))
        clock("page_fix", lambda: project.queue_page("fix"))
        clock("find_id", lambda: project.find_image(str(last)))
        clock("find_name", lambda: project.find_image(f"{last - 1:06}"))
        clock("find_nothing", lambda: project.find_image("nowhere"))
        clock("progress", project.progress)
        clock("counts", project.counts)
        clock("pace", lambda: project.pace("anna"))
        clock("paces", project.paces)
        person = project.people(3)[0]
        clock("save", lambda: _save(project, person.id))
    figures["memory_growth_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return figures


def _save(project: Project, person_id: int) -> None:
    person = project.person(person_id)
    edit_id = f"bench {time.monotonic_ns()}"
    project.save(
        person_id, base=person.revision, author="anna", edit_id=edit_id, joints={"nose": (20, 20 + random.random(), 2)}
    )


def _timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


@contextmanager
def folder_of(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    made = Path(tempfile.mkdtemp(prefix="labeltool-big-"))
    try:
        yield made / "big"
    finally:
        shutil.rmtree(made, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--quick", action="store_true", help="10,000 photos")
    parser.add_argument("--keep", type=Path, help="make it in this folder, or use the one that is there, and leave it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    images = 10_000 if options.quick else options.images
    with folder_of(options.keep) as folder:
        begin = time.perf_counter()
        path = folder / "project"
        if not path.exists():
            path = make_big_project(folder, images)
        figures = {"images": float(images), "made_s": time.perf_counter() - begin, **measure(path)}
    if options.json:
        print(json.dumps({name: round(value, 2) for name, value in figures.items()}))
    else:
        for name, value in figures.items():
            print(f"{name:<28}{value:>12,.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
