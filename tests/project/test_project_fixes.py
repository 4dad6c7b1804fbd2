"""What a save looks at: the short check says nothing else than the rules do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project_samples import FULL, QUAD, make_project

from labeltool.project import Project, fixes
from labeltool.project.fixes import errors_of, plainly_right

#: Places in and around the image of `FULL` (50 x 50), and right on its edges.
PLACE = st.sampled_from([-30.0, -0.5, 0.0, 0.4, 20.0, 49.9, 50.0, 50.6, 52.0, 300.0])
JOINTS = st.dictionaries(st.sampled_from(QUAD.joints), st.tuples(PLACE, PLACE, st.sampled_from([0, 1, 2])))
BOX = st.none() | st.tuples(PLACE, PLACE, *[st.sampled_from([0.2, 1.0, 5.0, 30.0, 50.0, 80.0])] * 2)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("p"), blind_share=0.0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(joints=JOINTS, box=BOX, deleted=st.booleans())
def test_the_short_check_passes_nobody_in_whom_the_rules_find_an_error(
    project: Project, joints: dict[str, Any], box: Any, deleted: bool
) -> None:
    person = project.person(FULL)
    if person.deleted:
        person = project.save(FULL, base=person.revision, edit_id=f"r{person.revision}", author="anna", deleted=False)
    edit: dict[str, Any] = {"joints": joints, "deleted": deleted or None}
    if box is not None:
        edit["box"] = box
    saved = project.save(FULL, base=person.revision, edit_id=f"e{person.revision}", author="anna", **edit)
    with project._db.read() as connection:
        found = errors_of(connection, project.skeleton, [saved.image_id], saved.id)
    image = project.image(saved.image_id)
    if plainly_right(saved, image.width, image.height):
        assert found == {}
    assert (image.finding is not None) == bool(found), "what the save left behind is what the rules say"


def test_the_rules_are_asked_only_where_they_could_find_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real: Callable[..., dict[int, str]] = fixes.errors_of

    def counted(*args: Any) -> dict[int, str]:
        asked.append(args[-1])
        return real(*args)

    monkeypatch.setattr(fixes, "errors_of", counted)
    with make_project(tmp_path, blind_share=0.0) as project:
        project.save(FULL, base=0, edit_id="a", author="anna", joints={"head": (3, 4, 2)})
        assert asked == []
        project.save(FULL, base=1, edit_id="b", author="anna", joints={"head": (300, 4, 2)})
        assert asked == [FULL]
        assert (project.image(3).finding or "").startswith("A311")
