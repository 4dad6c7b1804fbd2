"""What the Audit page costs on a project of 100,000 labelled and predicted people.

    python benchmarks/audit_page.py            50,000 photos, 100,000 people
    python benchmarks/audit_page.py --quick    a fifth of that

The page's script is run as Streamlit runs it, in a process that has shown a page before: from nothing kept to the tables of
the first tab; the same in a server that was started anew; with another filter (the photos of one status, the other scale); and
as labelling goes on, after one save. Beside it the least that any tool must do that measures the labels as they are: read the
same rows out of the store with sqlite3, and parse them with orjson.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import random
import shutil
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from big_project import _POSE, HEIGHT, WIDTH, folder_of, make_photos

from labeltool.coco.document import CocoDocument
from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import COCO_17

FULL, QUICK = 50_000, 10_000
PEOPLE_EACH = 2


def main() -> int:
    parser = argparse.ArgumentParser(description="The Audit page on a large project.")
    parser.add_argument("--quick", action="store_true", help="a fifth of the size")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", type=Path, help="make the project in this folder, or use the one that is there")
    arguments = parser.parse_args()
    images = QUICK if arguments.quick else FULL
    with folder_of(arguments.keep) as folder:
        path = folder / "project"
        if not path.exists():
            make_project(folder, images)
        figures = measure(path)
    figures = {"images": images, "people": images * PEOPLE_EACH, **figures}
    print(json.dumps(figures, indent=2) if arguments.json else as_text(figures))
    return 0


def make_project(folder: Path, images: int) -> None:
    """A project in which everybody is labelled and predicted, one photo of five is done, the others in progress or waiting."""
    names = make_photos(folder / "photos", images)
    rng = np.random.default_rng(1)
    extent = rng.integers((120, 300), (300, 700), (images * PEOPLE_EACH, 2))
    corner = (rng.random(extent.shape) * ((WIDTH, HEIGHT) - extent)).astype(int)
    places = np.rint(corner[:, None] + np.array(_POSE) * extent[:, None]).astype(int)
    flags = np.where(rng.random(places.shape[:2]) < 0.2, 1, 2)
    document = {
        "images": [{"id": n + 1, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names)],
        "annotations": [
            {
                "id": n + 1,
                "image_id": n // PEOPLE_EACH + 1,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [*corner[n].tolist(), *extent[n].tolist()],
                "area": 0.53 * float(extent[n].prod()),
                "segmentation": [],
                "keypoints": np.column_stack([places[n], flags[n]]).reshape(-1).tolist(),
                "num_keypoints": 17,
            }
            for n in range(images * PEOPLE_EACH)
        ],
        "categories": [COCO_17.to_category()],
    }
    with Project.create(folder / "project", CocoDocument(document, "big"), folder / "photos", COCO_17) as project:
        _predict(project, places, extent, corner)
    with sqlite3.connect(folder / "project" / "labels.db") as connection:
        connection.execute("UPDATE images SET status = 'in_progress' WHERE id % 5 = 2")
        connection.execute("UPDATE images SET status = 'prefilled' WHERE id % 5 > 2")
    connection.close()


def _predict(project: Project, places: Any, extent: Any, corner: Any) -> None:
    draw = random.Random(2)
    rng = np.random.default_rng(2)
    images = len(places) // PEOPLE_EACH
    noise = rng.normal(0, 1, places.shape) * 0.03 * extent[:, 1, None, None]
    for start in range(1, images + 1, 1000):
        found: dict[int, list[PredictedPerson]] = {}
        for image in range(start, min(start + 1000, images + 1)):
            found[image] = []
            for n in range((image - 1) * PEOPLE_EACH, image * PEOPLE_EACH):
                joints = {
                    name: (float(x), float(y), draw.random())
                    for name, (x, y) in zip(COCO_17.joints, (places[n] + noise[n]).tolist(), strict=True)
                }
                box = (float(corner[n, 0]), float(corner[n, 1]), float(extent[n, 0]), float(extent[n, 1]))
                found[image].append(PredictedPerson(box, draw.random(), joints, n + 1))
        project.add_predictions("model", "1", "0" * 64, found, fill=False)


def measure(path: Path) -> dict[str, Any]:
    """Seconds of the page's script, the least of three but for the first."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import streamlit
    from streamlit.testing.v1 import AppTest

    from labeltool.app import audit_page  # noqa: F401 - a server imports its pages with the first one it shows
    from labeltool.server.office import Office, install

    figures: dict[str, Any] = {}
    shutil.rmtree(path / "cache", ignore_errors=True)
    for name in ("first_table_nothing_kept_s", "first_table_s"):
        office = Office.open(path, "token", "anna")
        install(office)
        streamlit.cache_resource.clear()
        page = AppTest.from_string("from labeltool.app import audit_page\naudit_page.show()\n", default_timeout=300)
        with contextlib.closing(office):
            figures[name], page = timed(page.run)
            if page.exception:
                sys.exit(f"the page failed: {page.exception[0].message}")
            if name == "first_table_s":
                figures |= _filters(office.project, page)
    figures["rows_with_sqlite_and_orjson_s"] = min(timed(lambda: _least(path))[0] for _ in range(2))
    figures["first_table_over_rows"] = figures["first_table_s"] / figures["rows_with_sqlite_and_orjson_s"]
    return figures


def _filters(project: Project, page: Any) -> dict[str, Any]:
    """A run without a change, with one of each filter, and after a save."""
    figures: dict[str, Any] = {"again_s": min(timed(page.run)[0] for _ in range(3))}
    figures["status_filter_s"], page = timed(page.pills[0].set_value(["done"]).run)
    figures["no_filter_s"], page = timed(page.pills[0].set_value([]).run)
    figures["scale_s"], page = timed(page.radio[0].set_value("bbox-diagonal").run)
    person = project.people(1)[0]
    edit = f"bench {time.time()}"
    project.save(
        person.id, base=person.revision, author="anna", edit_id=edit, joints={"nose": (20, time.time() % 9, 2)}
    )
    figures["after_a_save_s"], page = timed(page.run)
    return figures


def _least(path: Path) -> int:
    with sqlite3.connect(path / "labels.db") as connection:
        rows = [orjson.loads(row[0]) for row in connection.execute("SELECT keypoints FROM people")]
        rows += [orjson.loads(row[0]) for row in connection.execute("SELECT joints FROM predictions")]
    connection.close()
    return len(rows)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call, and what it returns."""
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


def as_text(figures: dict[str, Any]) -> str:
    lines = [f"{name:<32}{value:>12,.2f}" for name, value in figures.items()]
    return "\n".join([*lines, "targets: first table 2 s, a changed filter 0.5 s"])


if __name__ == "__main__":
    sys.exit(main())
