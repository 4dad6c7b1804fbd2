from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project_samples import QUAD, make_project

from labeltool.errors import ProjectError
from labeltool.project import Project, ProjectConfig
from labeltool.project.config import photo_path, read_config, write_config
from labeltool.skeleton import BUILT_IN, COCO_17, Skeleton, define, from_category


def written(folder: Path, skeleton: Skeleton = QUAD, name: str = "n", root: Path | None = None) -> ProjectConfig:
    folder.mkdir(exist_ok=True)
    config = ProjectConfig(name, "2025-01-02T03:04:05.678Z", root or folder.parent / "photos", skeleton)
    write_config(folder, config)
    return config


@pytest.mark.parametrize(
    "skeleton",
    [
        *BUILT_IN.values(),
        QUAD,
        from_category({**COCO_17.to_category(), "skeleton": [[1, 2]], "sigmas": [0.1] * 17}),
        from_category({**COCO_17.to_category(), "skeleton": [[16, 14]]}),
        define("odd", ('a "b"', "left c.d", "ü\u2028\x7f\n"), torso=('a "b"', "left c.d"), sigmas={"left c.d": 1.5}),
    ],
    ids=lambda s: s.name,
)
def test_a_skeleton_survives_the_file(tmp_path: Path, skeleton: Skeleton) -> None:
    config = written(tmp_path / "p", skeleton)
    assert read_config(tmp_path / "p") == config


@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_name_survives(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("c") / "p"
    written(folder, name=name)
    assert read_config(folder).name == name


@pytest.mark.parametrize(
    ("root", "expected"),
    [("a/p/photos", "photos"), ("a/photos", "../photos"), ("photos", "../../photos"), ("a/p", ".")],
)
def test_a_near_image_root_is_relative(tmp_path: Path, root: str, expected: str) -> None:
    (tmp_path / "a").mkdir()
    config = written(tmp_path / "a" / "p", root=tmp_path / root)
    assert tomllib.loads((tmp_path / "a" / "p" / "project.toml").read_text())["images"] == expected
    assert read_config(tmp_path / "a" / "p") == config


def test_a_far_image_root_is_absolute(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    written(tmp_path / "a" / "b" / "c" / "p", root=tmp_path / "photos")
    data = tomllib.loads((tmp_path / "a" / "b" / "c" / "p" / "project.toml").read_text())
    assert data["images"] == str(tmp_path / "photos")


def test_a_project_moves_with_its_photos(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    make_project(tmp_path / "here").close()
    shutil.move(tmp_path / "here", tmp_path / "there")
    with Project.open(tmp_path / "there" / "p") as project:
        assert project.photo_path(project.image(5)) == tmp_path / "there" / "photos" / "a" / "five.jpg"
        assert project.config.name == "p"


def test_the_file_may_be_edited(tmp_path: Path) -> None:
    make_project(tmp_path).close()
    path = tmp_path / "p" / "project.toml"
    text = path.read_text().replace('name = "p"', 'name = "Runners"').replace("blind_share = 0.05", "blind_share = 1")
    path.write_text(text + "\n[labels]\nnote = 'unknown tables are left alone'\n")
    with Project.open(tmp_path / "p") as project:
        assert (project.config.name, project.config.blind_share) == ("Runners", 1.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "p"', 'name = "p', "not TOML"),
        ('name = "p"', "", "name is missing, expected a text"),
        ('name = "p"', "name = 3", "name is 3"),
        ('images = "../photos"', "", "images is missing, expected a text"),
        ("blind_share = 0.05", "blind_share = 1.5", "blind_share is 1.5, expected a number from 0 to 1"),
        ("blind_share = 0.05", "blind_share = true", "blind_share is True"),
        ("blind_share = 0.05", "blind_share = nan", "blind_share is nan"),
        ("[skeleton]", "[skelton]", r"no table \[skeleton\]"),
        ('  "foot",', '  "foot", "head",', "joint 'head' stands twice"),
        ('  "foot",', '  "foot", "tail",', "its labels have the joints head, left_hand, right_hand, foot; project"),
        ('  "left_hand",\n  "right_hand",', '  "right_hand",\n  "left_hand",', "expected the same in the same order"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    make_project(tmp_path).close()
    path = tmp_path / "p" / "project.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ProjectError, match=message) as caught:
        Project.open(tmp_path / "p")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_guideline_is_optional_and_lies_beside_the_file_or_anywhere(tmp_path: Path) -> None:
    make_project(tmp_path).close()
    path = tmp_path / "p" / "project.toml"
    text = path.read_text()
    assert "\nguideline =" not in text and read_config(tmp_path / "p").guideline is None
    for written, meant in (
        ("guide.md", tmp_path / "p" / "guide.md"),
        ("../a.md", tmp_path / "a.md"),
        ("/x/a.md", Path("/x/a.md")),
    ):
        path.write_text(f'guideline = "{written}"\n{text}')
        config = read_config(tmp_path / "p")
        assert config.guideline == meant
        write_config(tmp_path / "p", config)
        assert read_config(tmp_path / "p") == config
        assert f'guideline = "{written}"' in path.read_text()
    path.write_text(f"guideline = 7\n{text}")
    with pytest.raises(ProjectError, match="guideline is 7, expected a text"):
        read_config(tmp_path / "p")


def test_no_project_there(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no such project folder"):
        Project.open(tmp_path / "none")
    with pytest.raises(ProjectError, match=r"no project\.toml in it, expected a project made by `labeltool init`"):
        Project.open(tmp_path)
    (tmp_path / "project.toml").write_bytes(b"\xff")
    with pytest.raises(ProjectError, match="not UTF-8"):
        Project.open(tmp_path)
    (tmp_path / "project.toml").unlink()
    (tmp_path / "project.toml").mkdir()
    with pytest.raises(ProjectError, match="cannot be read: Is a directory"):
        Project.open(tmp_path)


@pytest.mark.parametrize("name", ["../x.jpg", "a/../../x", "/etc/passwd", "", "a\0b", "C:\\x.jpg", "a\\..\\x", "\\x"])
def test_a_photo_never_lies_outside_the_root(tmp_path: Path, name: str) -> None:
    config = ProjectConfig("n", "", tmp_path, QUAD)
    with pytest.raises(ProjectError, match="leads out of the image root"):
        photo_path(config, name)


def test_a_photo_lies_below_the_root(tmp_path: Path) -> None:
    assert photo_path(ProjectConfig("n", "", tmp_path, QUAD), "a/..b/c d.jpg") == tmp_path / "a" / "..b" / "c d.jpg"
