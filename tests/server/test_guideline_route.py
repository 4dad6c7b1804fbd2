"""The project's guideline: Markdown in, nothing active out, and pictures from beside it alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from label_samples import ORIGIN, TOKEN
from starlette.testclient import TestClient

from labeltool.errors import ProjectError
from labeltool.server.app import create_api
from labeltool.server.guideline import guideline_html, picture_path

TEXT = """# How we label

Hidden is **v = 1**. <script>alert(1)</script> <img src=x onerror=alert(1)>

| v | meaning |
|---|---|
| 2 | visible |

[rules](https://example.org/a?b=c&d) [bad](javascript:alert(1)) [local](other.md) <https://example.org>
![An elbow](pictures/elbow%20one.png "title") ![far](https://example.org/x.png) ![up](../secret.png) ![root](/etc/x.png)
"""


@pytest.fixture
def guided(project_path: Path) -> Path:
    """The project with a guideline and a picture."""
    toml = project_path / "project.toml"
    toml.write_text('guideline = "guide/guideline.md"\n' + toml.read_text())
    folder = project_path / "guide"
    (folder / "pictures").mkdir(parents=True)
    (folder / "guideline.md").write_text(TEXT)
    (folder / "pictures" / "elbow one.png").write_bytes(b"\x89PNG")
    (folder / "notes.txt").write_text("private")
    (project_path / "secret.png").write_bytes(b"\x89PNG")
    return project_path


def client(path: Path) -> TestClient:
    return TestClient(
        create_api(path, token=TOKEN, user="anna"), base_url=ORIGIN, headers={"authorization": f"Bearer {TOKEN}"}
    )


def test_markdown_becomes_html_without_anything_active(guided: Path) -> None:
    html = guideline_html(guided / "guide" / "guideline.md")
    assert "<h3>How we label</h3>" in html
    assert "<strong>v = 1</strong>" in html
    assert "<td>visible</td>" in html
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "<img src=x" not in html
    assert 'href="https://example.org/a?b=c&amp;d" target="_blank" rel="noopener noreferrer"' in html
    assert html.count("href=") == 2, "script and local links lead nowhere"
    assert "javascript:" not in html.replace("[bad](javascript:alert(1))", "")
    assert '<img src="/api/guideline/pictures/elbow%20one.png" alt="An elbow" title="title" />' in html
    assert "[picture: far]" in html and "[picture: root]" in html
    assert "example.org/x.png" not in html


def test_the_route_gives_the_guideline_and_its_pictures_alone(guided: Path) -> None:
    with client(guided) as labeller:
        assert labeller.get("/api/project").json()["guideline"] is True
        assert "How we label" in labeller.get("/api/guideline").json()["html"]
        picture = labeller.get("/api/guideline/pictures/elbow%20one.png")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        for name in (
            "notes.txt",
            "guideline.md",
            "../secret.png",
            "%2e%2e/secret.png",
            "pictures",
            "pictures/none.png",
        ):
            assert labeller.get(f"/api/guideline/{name}").status_code == 404, name
        labeller.headers["authorization"] = "Bearer nothing"
        assert labeller.get("/api/guideline").status_code == 401


def test_pictures_lie_below_the_guidelines_folder(guided: Path) -> None:
    guideline = guided / "guide" / "guideline.md"
    assert picture_path(guideline, "pictures/elbow one.png") is not None
    (guided / "guide" / "link.png").symlink_to(guided / "secret.png")
    for name in ("../secret.png", "link.png", str(guided / "secret.png"), "notes.txt", "a\0.png", ""):
        assert picture_path(guideline, name) is None, name


def test_a_project_without_a_guideline_says_so(project_path: Path) -> None:
    with client(project_path) as labeller:
        assert labeller.get("/api/project").json()["guideline"] is False
        answer = labeller.get("/api/guideline")
        assert answer.status_code == 404
        assert answer.json()["error"] == "the project has no guideline (`guideline` in project.toml)"
        assert labeller.get("/api/guideline/x.png").status_code == 404


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "guideline guideline.md: cannot be read: No such file or directory"),
        (b"\xff\xfe\x00x", "guideline guideline.md: not UTF-8 text, expected Markdown"),
        (b"x" * 1_000_001, "guideline guideline.md: has 1,000,001 bytes, expected at most 1,000,000"),
    ],
)
def test_a_guideline_that_cannot_be_shown(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "guideline.md"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProjectError) as caught:
        guideline_html(path)
    assert str(caught.value) == message
