from __future__ import annotations

import json
import subprocess
import sys


def test_the_benchmark_runs_and_finds_no_difference(repo):
    command = [
        sys.executable,
        str(repo / "benchmarks" / "audit.py"),
        "--quick",
        "--json",
        "--images",
        "150",
        "--people",
        "350",
    ]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (figures["images"], figures["people"], figures["detections"]) == (150, 350, 350)
    assert figures["largest_difference"] <= 1e-12
    assert figures["ap_ar_times_faster"] > 1
    assert 0 < figures["AP"] < 1
