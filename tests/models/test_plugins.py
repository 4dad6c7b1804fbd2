"""The package that docs/models/plugins.md describes, built and installed by pip, and run."""

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
    code, more = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (settings,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    source, folder = tmp_path / "my-pose-model", tmp_path / "site"
    source.mkdir()
    (source / "pyproject.toml").write_text(settings)
    # the second block tells of size, figures and speed, and takes the place of the first one's INFO
    (source / "my_pose_model.py").write_text(code + more)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index", "--target", folder, source]
    done = subprocess.run([*pip, *alone], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
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
    assert listed["mine"]["size"] == 12_400_000 and listed["mine"]["figures"][0]["value"] == 0.061
    project = tmp_path / "p"
    labeltool("init", project, "--images", photos, "--blind-share", 0)
    assert "1 proposed" in labeltool("prefill", project, "--model", "mine", "--boxes", "image")
    labeltool("export", project, tmp_path / "out.json", "--with-predicted")
    person = json.loads((tmp_path / "out.json").read_text())["annotations"][0]
    assert person["keypoints"][:3] == [30, 20, 2]
