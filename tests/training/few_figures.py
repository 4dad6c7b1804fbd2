"""A second source of labels beside those of the sample figures."""

from __future__ import annotations

import json
from pathlib import Path


def few_figures(figures: Path, folder: Path) -> Path:
    """The labels of the first four photos, in a file of the folder; the last photos of the first source are kept apart."""
    data = json.loads((figures / "annotations.json").read_text())
    first = {image["id"] for image in data["images"][:4]}
    data["annotations"] = [a for a in data["annotations"] if a["image_id"] in first]
    few = folder / "few.json"
    few.write_text(json.dumps(data))
    return few
