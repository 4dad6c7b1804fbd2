"""A file the size of COCO train2017 into a project and out again: annotations a second, and memory beyond the file.

    python benchmarks/import_export.py            64,115 images, 262,465 annotations with outlines
    python benchmarks/import_export.py --quick    a thirtieth of that

Steps, each in a process of its own: `json.load` of the file and the file read by labeltool (for comparison), `init` with it,
`import` of it into a project that has only the photos, the same import again (everything is known), and `export`. Rates are of
the step without reading the file, by processor seconds and by wall-clock; peak memory is that of the process, beside that of
reading the file alone. Photos are not looked at: there are none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from validate import peak_mb, write_labels

from labeltool.coco.document import CocoDocument, read_document
from labeltool.models.memory import keep_freed_memory
from labeltool.project import Project
from labeltool.skeleton import COCO_17

FULL = (64_115, 262_465)
QUICK = (2_137, 8_749)
STEPS = ("json.load", "read", "init", "import", "import again", "export")


def main() -> None:
    parser = argparse.ArgumentParser(description="Import into a project and export, by annotations a second.")
    parser.add_argument("--quick", action="store_true", help="a thirtieth of the size")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(step(arguments.step[0], Path(arguments.step[1]))))
        return
    figures = measure(*(QUICK if arguments.quick else FULL), arguments.seed)
    print(json.dumps(figures) if arguments.json else as_text(figures))


def measure(images: int, annotations: int, seed: int) -> dict[str, Any]:
    """The figures of every step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_labels(folder / "labels.json", images, annotations, seed)
        (folder / "photos").mkdir()
        found: dict[str, Any] = {
            "images": images,
            "annotations": annotations,
            "file_mb": (folder / "labels.json").stat().st_size / 1e6,
        }
        for what in STEPS:
            command = [sys.executable, __file__, "--step", what, name]
            found[what] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return found


def step(what: str, folder: Path) -> dict[str, float]:
    """One step in this process: seconds of the step itself, and the peak of memory."""
    file = folder / "labels.json"
    if what == "json.load":
        started, processor = time.perf_counter(), time.process_time()
        with file.open() as opened:
            json.load(opened)
        return figures_since(started, processor)
    if what in ("init", "import", "import again"):
        # as the commands do
        keep_freed_memory()
    document = None if what == "export" else read_document(file)
    if what == "import":
        assert document is not None
        bare = CocoDocument({**document.data, "annotations": []}, "photos")
        Project.create(folder / "p", bare, folder / "photos", COCO_17).close()
    started, processor = time.perf_counter(), time.process_time()
    if what == "init" and document is not None:
        Project.create(folder / "init", document, folder / "photos", COCO_17).close()
    elif what != "read":
        with Project.open(folder / "p") as project:
            if document is None:
                project.export(folder / "out.json")
            else:
                project.add_document(document, source="labels.json")
    return figures_since(started, processor)


def figures_since(started: float, processor: float) -> dict[str, float]:
    """Seconds by the clock and of the processor since then, and the peak of memory."""
    return {
        "seconds": time.perf_counter() - started,
        "processor": time.process_time() - processor,
        "peak_mb": peak_mb(),
    }


def as_text(figures: dict[str, Any]) -> str:
    """The figures for a terminal."""
    lines = [f"{figures['images']:,} images, {figures['annotations']:,} annotations, {figures['file_mb']:.0f} MB"]
    for what in STEPS:
        one = figures[what]
        rates = f"{one['processor']:.1f} processor seconds, {one['seconds']:.1f} s"
        if what not in ("json.load", "read"):
            by_processor, by_clock = (figures["annotations"] / max(one[key], 1e-9) for key in ("processor", "seconds"))
            rates += f"; annotations a processor second {by_processor:,.0f}, a second {by_clock:,.0f}"
        lines.append(f"{what:<13}{rates}; peak {one['peak_mb']:,.0f} MB")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
