"""Renders pictures of people with their true labels, as a COCO keypoint data set.

    python datasets/make_figures.py --out DIR --count 100 --seed 100000 --people 1-6 --size 640x480 --skeleton coco-17

writes DIR/images/*.jpg and DIR/annotations.json: boxes, areas and polygons from the visible pixels, joints from the bones,
visibility from depth. The same arguments give the same bytes. `--demo` renders the demo set of this folder again.

Seeds below 1000 are kept for the demo set and the tests; train with seeds from 100000 up.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from figures_render import demo
from figures_render.dataset import Order, document, write_picture

from labeltool.errors import LabeltoolError
from labeltool.files import atomic_write
from labeltool.skeleton import get_skeleton

MAX_PEOPLE = 10


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _people(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number or a range such as 1-6")
    low, high = int(match[1]), int(match[2] or match[1])
    if not 1 <= low <= high <= MAX_PEOPLE:
        raise argparse.ArgumentTypeError(f"{text!r}, expected 1 to {MAX_PEOPLE} people, the smaller number first")
    return low, high


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}, expected WIDTHxHEIGHT such as 640x480")
    width, height = int(match[1]), int(match[2])
    if not (64 <= width <= 4096 and 64 <= height <= 4096):
        raise argparse.ArgumentTypeError(f"{text!r}, expected sides of 64 to 4096 pixels")
    return width, height


def _number(low: int, high: int) -> Any:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text}, expected {low} to {high}")
        return value

    return parse


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = _Parser(prog="make_figures", description=(__doc__ or "").partition("\n\n")[0])
    p.add_argument("--out", type=Path, metavar="DIR", help="folder to write images/ and annotations.json to")
    p.add_argument("--count", type=_number(1, 1_000_000), default=16, metavar="N", help="pictures (16)")
    p.add_argument(
        "--seed", type=_number(0, 2**31 - 1), default=100_000, metavar="S", help="source of all chance (100000)"
    )
    p.add_argument("--people", type=_people, default=(1, 6), metavar="A-B", help="people a picture, at most 10 (1-6)")
    p.add_argument("--size", type=_size, default=(640, 480), metavar="WxH", help="of the pictures in pixels (640x480)")
    p.add_argument("--skeleton", default="coco-17", metavar="NAME", help="coco-17, lsp-14 or mpii-16 (coco-17)")
    p.add_argument("--workers", type=_number(1, 256), default=1, metavar="N", help="processes (1)")
    p.add_argument("--quality", type=_number(10, 100), metavar="Q", help="of the JPEG files (72 to 95 by chance)")
    p.add_argument(
        "--supersample", type=_number(1, 4), default=1, metavar="K", help="smoother edges at K*K the time (1)"
    )
    p.add_argument(
        "--demo", action="store_true", help="render the demo set (into datasets/figures unless --out says otherwise)"
    )
    return p


def _make_all(orders: Sequence[Order], folder: Path, workers: int) -> Iterator[list[dict[str, Any]]]:
    """The annotations of every order, in order, as the pictures are written."""
    if workers == 1:
        yield from (write_picture(order, folder) for order in orders)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(write_picture, folder=folder), orders, chunksize=4)


def write_document(data: dict[str, Any], path: Path) -> None:
    """Write a COCO document in one piece or not at all."""
    with atomic_write(path) as file:
        file.write(json.dumps(data, separators=(",", ":"), allow_nan=False).encode())


def make(arguments: argparse.Namespace) -> None:
    """Render what the arguments ask for."""
    skeleton = get_skeleton(arguments.skeleton)
    images = arguments.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    orders = [
        Order(
            f"figures_{arguments.seed}_{number:06d}.jpg",
            (arguments.seed, number),
            arguments.size,
            arguments.people,
            skeleton.joints,
            arguments.quality,
            arguments.supersample,
        )
        for number in range(arguments.count)
    ]
    start, shown = time.perf_counter(), time.perf_counter()
    annotations = []
    for found in _make_all(orders, images, arguments.workers):
        annotations.append(found)
        if time.perf_counter() - shown > 10:
            shown = time.perf_counter()
            print(f"{len(annotations)}/{len(orders)} pictures, {shown - start:.0f} s", file=sys.stderr, flush=True)
    data = document(orders, annotations, skeleton, f"Rendered people, seed {arguments.seed} (datasets/make_figures.py)")
    write_document(data, arguments.out / "annotations.json")
    seconds = time.perf_counter() - start
    print(
        f"{len(orders)} pictures, {len(data['annotations'])} people, {seconds:.1f} s: {arguments.out / 'annotations.json'}"
    )


def make_demo(arguments: argparse.Namespace) -> None:
    """Render the demo set: pictures, annotations.json and truth.json."""
    images = arguments.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    portraits = {portrait.name: demo.portrait_bytes(portrait) for portrait in demo.PORTRAITS}
    annotations = list(_make_all(demo.orders(), images, arguments.workers))
    for name, data in portraits.items():
        (images / name).write_bytes(data)
    shipped, truth = demo.documents(annotations)
    write_document(truth, arguments.out / "truth.json")
    write_document(shipped, arguments.out / "annotations.json")
    print(f"{len(shipped['images'])} pictures, {len(shipped['annotations'])} people: {arguments.out}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: 0 when all went well, 1 or 2 with one line of explanation otherwise."""
    p = parser()
    arguments = p.parse_args(argv)
    if arguments.out is None:
        if not arguments.demo:
            p.error("--out DIR is missing")
        arguments.out = Path(__file__).resolve().parent / "figures"
    try:
        (make_demo if arguments.demo else make)(arguments)
    except (LabeltoolError, OSError) as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
