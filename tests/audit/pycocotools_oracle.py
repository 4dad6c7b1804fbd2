"""pycocotools' ten keypoint numbers: the oracle of the audit's tests.

python tests/audit/pycocotools_oracle.py TRUTH.json RESULTS.json
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def evaluate(truth: dict[str, Any], results: list[dict[str, Any]], sigmas: Any = None) -> COCOeval:
    """pycocotools' evaluation after evaluate, accumulate and summarize; the arguments stay as they are."""
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = copy.deepcopy(truth)
        labels.createIndex()
        run = COCOeval(labels, labels.loadRes(copy.deepcopy(results)), "keypoints")
        if sigmas is not None:
            run.params.kpt_oks_sigmas = np.asarray(sigmas)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


def ten_numbers(truth: dict[str, Any], results: list[dict[str, Any]], sigmas: Any = None) -> dict[str, float]:
    """The ten numbers by name."""
    return dict(zip(NAMES, map(float, evaluate(truth, results, sigmas).stats), strict=True))


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:3]]
    print(json.dumps(ten_numbers(*(json.loads(path.read_text()) for path in paths)), indent=2))
