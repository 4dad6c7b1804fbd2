"""Labellers who each save once a second over a connection of their own, in one client process.

    python benchmarks/latency/labellers.py ORIGIN TOKEN labeltool|plain LABELLERS SECONDS

prints the milliseconds of every save as a JSON list.
"""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


def simulate(origin: str, token: str, kind: str, labellers: int, seconds: float) -> list[float]:
    """Milliseconds of each save, measured in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), origin, token, kind, str(labellers), str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    times: list[float] = json.loads(done.stdout)
    return times


class Labeller(threading.Thread):
    """One labeller with an image of their own, who moves a joint of one of its people once a second."""

    def __init__(self, address: str, token: str, kind: str, image_id: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(address, timeout=30)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.kind, self.image_id, self.seconds = kind, image_id, seconds
        self.random = random.Random(image_id)
        self.times: list[float] = []

    def run(self) -> None:
        """Saves until the time is over."""
        people = self._people()
        begin = time.perf_counter() + self.random.random()
        for n in range(int(self.seconds)):
            time.sleep(max(begin + n - time.perf_counter(), 0))
            person = people[n % len(people)]
            body = json.dumps(self._save(person, n)).encode()
            start = time.perf_counter()
            answer = self._ask(
                "PUT", f"/api/people/{person['id']}" if self.kind == "labeltool" else "/labels/1/1", body
            )
            self.times.append((time.perf_counter() - start) * 1000)
            person["revision"] = answer.get("revision", 0)

    def _people(self) -> list[dict[str, Any]]:
        if self.kind == "plain":
            return [{"id": 1, "revision": 0, "joints": {"nose": {"x": 1, "y": 1, "v": 2}}}]
        people: list[dict[str, Any]] = self._ask("GET", f"/api/images/{self.image_id}", None)["people"]
        return people

    def _save(self, person: dict[str, Any], n: int) -> dict[str, Any]:
        joint = person["joints"]["nose"]
        moved = {"x": joint["x"] + self.random.uniform(-2, 2), "y": joint["y"] + 1, "v": 2}
        edit = f"{self.image_id}-{n}-{time.time_ns()}"
        return {
            "base": person["revision"],
            "edit_id": edit,
            "action": "move",
            "active_seconds": 1.0,
            "joints": {"nose": moved},
        }

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        self.connection.request(method, path, body, self.headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")
        return json.loads(content)


def main() -> None:
    """Simulates them and prints what each save took."""
    origin, token, kind, labellers, seconds = sys.argv[1:]
    address = origin.removeprefix("http://")
    # Images far from those that are open in the browser.
    people = [Labeller(address, token, kind, 200 + n, float(seconds)) for n in range(int(labellers))]
    for labeller in people:
        labeller.start()
    for labeller in people:
        labeller.join()
    times = [ms for labeller in people for ms in labeller.times]
    expected = int(float(seconds)) * int(labellers)
    if len(times) != expected:
        sys.exit(f"{len(times)} saves were answered, expected {expected}")
    print(json.dumps(times))


if __name__ == "__main__":
    main()
