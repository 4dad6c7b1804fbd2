"""One box filled by the model through the API, against a plain torch loop of the same network on a tensor that lies ready.

A labeller presses M: the page asks `POST /api/images/{id}/predict`, and the server has the joints, stored, after so many
milliseconds. Measured over HTTP on a connection that stays open, with the shipped default model:

- `warm`: box after box on one photo;
- `next_photo`: each box on another photo than the one before, which is decoded for it (the sample set, up to 960 x 640);
- `big_first`, `big_warm`: the first and the following boxes of a JPEG of 12 megapixels;
- `cold_s`: the very first box of a server that was not warmed, torch and weights loaded for it.

The rival answers neither HTTP nor stores anything: `network(tensor)` in float32, one crop at a time, on as many threads as the
server gives its models (half the cores). `ratio` is warm p50 over its p50.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from labeltool.demo import sample_data
from labeltool.formats.coco import read_coco
from labeltool.images import load_image
from labeltool.models.catalog import default_model, load_model
from labeltool.models.topdown import TopDown, to_input
from labeltool.project import Box, Project

TOKEN = "token-of-the-benchmark"
BIG = (4000, 3000)

_SERVER = """
import sys, uvicorn
from pathlib import Path
from labeltool.server.app import create_api
app = create_api(Path(sys.argv[1]), token=sys.argv[3], user="bench")
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
"""


@dataclass(frozen=True)
class Asked:
    """A person to ask about."""

    image: int
    person: int
    box: Box


class Client:
    """A connection that stays open, as a browser's does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        end = time.monotonic() + 60
        while True:
            try:
                self._connection.connect()
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def predict(self, asked: Asked) -> float:
        """Milliseconds until the joints of a person are there."""
        body = json.dumps({"person": asked.person, "box": asked.box, "model": None})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        start = time.perf_counter()
        self._connection.request("POST", f"/api/images/{asked.image}/predict", body, headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        took = time.perf_counter() - start
        if response.status != 200 or not answer["joints"]:
            raise RuntimeError(f"{response.status}: {answer}")
        return took * 1000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer boxes; under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(60 if options.quick else 400)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"model {figures['model']}, {figures['boxes']} boxes")
    for name in ("warm", "next_photo", "big_first", "big_warm", "torch"):
        print(f"{name:<12}{figures[f'{name}_p50_ms']:8.1f} ms p50{figures[f'{name}_p95_ms']:8.1f} ms p95")
    print(f"{'cold':<12}{figures['cold_s']:8.1f} s")
    print(f"{'ratio':<12}{figures['ratio']:8.2f}")


def measure(count: int) -> dict[str, Any]:
    """The figures, over so many boxes of each kind (fewer of those that take long)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        small, big = make_project(path)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        server = subprocess.Popen([sys.executable, "-c", _SERVER, str(path / "p"), str(port), TOKEN])
        try:
            client = Client(port)
            cold = client.predict(small[0])
            each_photo = list({asked.image: asked for asked in small}.values())
            times = {
                "warm": [client.predict(small[0]) for _ in range(count)][count // 10 :],
                "next_photo": [client.predict(each_photo[n % len(each_photo)]) for n in range(count)],
                "big_first": [client.predict(asked) for asked in big],
                "big_warm": [client.predict(big[-1]) for _ in range(count // 2)],
            }
        finally:
            server.terminate()
            server.wait(30)
        times["torch"] = bare_times(count)
    figures: dict[str, Any] = {"model": default_model(), "boxes": count, "cold_s": round(cold / 1000, 2)}
    for name, values in times.items():
        figures |= {f"{name}_p50_ms": percentile(values, 50), f"{name}_p95_ms": percentile(values, 95)}
    figures["ratio"] = round(figures["warm_p50_ms"] / figures["torch_p50_ms"], 2)
    return figures


def make_project(folder: Path) -> tuple[list[Asked], list[Asked]]:
    """A project of the sample set and six photos of 12 megapixels; the people to ask about in both."""
    data = sample_data()
    imported = read_coco(data / "images", data / "annotations.json", None)
    photos = folder / "photos"
    photos.mkdir()
    for image in imported.document.images:
        (photos / image["file_name"]).write_bytes((data / "images" / image["file_name"]).read_bytes())
    first = imported.document.images[0]
    enlarged = load_image(photos / first["file_name"]).resize(BIG)
    for n in range(6):
        name = f"big{n}.jpg"
        enlarged.save(photos / name, quality=90)
        imported.document.images.append({"id": 90_000 + n, "file_name": name, "width": BIG[0], "height": BIG[1]})
    small, big = [], []
    with Project.create(folder / "p", imported.document, photos, imported.skeleton, blind_share=0.0) as project:
        for record in project.images():
            if record.id >= 90_000:
                box = (800.0, 400.0, 1500.0, 2200.0)
                person = project.add_person(record.id, box=box, author="bench", edit_id=f"n{record.id}")
                big.append(Asked(record.id, person.id, box))
            small += [Asked(record.id, p.id, p.box) for p in project.people(record.id) if p.box and not p.crowd]
    return [asked for asked in small if asked.image < 90_000], big


def bare_times(count: int) -> list[float]:
    """Milliseconds of the bare network on one ready crop, again and again."""
    model = cast("TopDown[Any]", load_model(default_model()))
    torch.set_num_threads(max((os.cpu_count() or 2) // 2, 1))
    crops = np.random.default_rng(0).integers(0, 255, (1, model.size, model.size, 3), dtype=np.uint8)
    with torch.inference_mode():
        ready = to_input(torch.from_numpy(crops).permute(0, 3, 1, 2), model.config)
        return timed(lambda: first_of(model.network(ready)).numpy(), count + 20)[20:]


def first_of(answer: Any) -> torch.Tensor:
    """The joints of what a network answers."""
    tensor = answer[0] if isinstance(answer, tuple) else answer
    return cast("torch.Tensor", tensor)


def timed(does: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each of so many calls."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        does()
        times.append((time.perf_counter() - start) * 1000)
    return times


def percentile(values: Sequence[float], part: float) -> float:
    """A percentile, to a tenth."""
    return round(float(np.percentile(values, part)), 1)


if __name__ == "__main__":
    main()
