"""The package that docs/models/plugins.md describes, installed as pip would leave it, and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def package(repo: Path, tmp_path: Path) -> Path:
    text = (repo / "docs" / "models" / "plugins.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    entry = re.findall(r'entry-points\."labeltool.models"\]\n(\w+ = ".*?")', text)[0]
    folder = tmp_path / "site"
    info = folder / "my_pose_model-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "my_pose_model.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-pose-model\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[labeltool.models]\n" + entry.replace('"', "") + "\n")
    return folder


def test_the_documented_package_pre_fills(package: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(photos / "a.png")

    def labeltool(*arguments: object) -> str:
        command = [sys.executable, "-m", "labeltool.cli", *map(str, arguments)]
        env = {**os.environ, "PYTHONPATH": str(package)}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = {model["name"]: model for model in json.loads(labeltool("models", "--json"))}
    assert listed["mine"]["source"] == "my-pose-model"
    project = tmp_path / "p"
    labeltool("init", project, "--images", photos, "--blind-share", 0)
    assert "1 proposed" in labeltool("prefill", project, "--model", "mine", "--boxes", "image")
    labeltool("export", project, tmp_path / "out.json", "--with-predicted")
    person = json.loads((tmp_path / "out.json").read_text())["annotations"][0]
    assert person["keypoints"][:3] == [30, 20, 2]
