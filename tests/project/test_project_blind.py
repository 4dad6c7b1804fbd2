"""People who are labelled blind: whom chance chooses, and that no way leads from a prediction to their joints."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project_samples import CROWD, EMPTY, FULL, LABELLED, QUAD, guess, make_project, sample

from labeltool.errors import ProjectError
from labeltool.project import Joint, Project
from labeltool.project.blind import is_chosen, new_key

MODEL = ("deeppose", "1", "abc")
KEY = "00" * 32


def chosen_of(key: str, share: float, count: int = 10_000) -> set[int]:
    return {n for n in range(count) if is_chosen(key, share, n // 2, n)}


def set_share(folder: Path, share: float) -> None:
    """Edits project.toml, as its owner would."""
    path = folder / "p" / "project.toml"
    lines = [
        f"blind_share = {share}" if line.startswith("blind_share") else line for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))


def test_the_share_is_what_chance_gives() -> None:
    # Binomial(10,000, p): mean n p, standard deviation sqrt(n p (1 - p)) = 21.8 for p = .05; 4.5 of them are passed once in
    # 150,000 keys, and these keys are fixed.
    for key in (KEY, "ab" * 32, "0123456789abcdef" * 4):
        for share in (0.01, 0.05, 0.5):
            spread = math.sqrt(10_000 * share * (1 - share))
            assert abs(len(chosen_of(key, share)) - 10_000 * share) < 4.5 * spread
    assert len(chosen_of(KEY, 0.05)) == 490, "the choice is the same on every machine and in every version"
    assert (chosen_of(KEY, 0.0), len(chosen_of(KEY, 1.0))) == (set(), 10_000)


def test_two_projects_choose_apart() -> None:
    first, second = chosen_of(new_key(), 0.5), chosen_of(new_key(), 0.5)
    both = len(first & second)
    # independent halves share a quarter: 2,500, with a standard deviation of 43
    assert abs(both - 2500) < 6 * 43.3


@given(st.floats(0, 1), st.floats(0, 1), st.integers(), st.integers())
def test_a_greater_share_keeps_whom_a_smaller_one_chose(a: float, b: float, image: int, annotation: int) -> None:
    low, high = sorted((a, b))
    assert is_chosen(KEY, low, image, annotation) <= is_chosen(KEY, high, image, annotation)


def test_the_key_is_made_with_the_project_and_stays(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_project(tmp_path / name, blind_share=0.5).close()
        for _ in range(2):
            with Project.open(tmp_path / name / "p"):
                pass
            with closing(sqlite3.connect(tmp_path / name / "p" / "labels.db")) as database:
                keys += database.execute("SELECT value FROM meta WHERE key = 'blind_key'").fetchone()
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert len(keys[0]) == 66


def test_only_people_without_labels_can_be_blind(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        assert {n: project.person(n).blind for n in (LABELLED, CROWD, FULL, EMPTY)} == {
            LABELLED: False,
            CROWD: False,
            FULL: False,
            EMPTY: True,
        }
        assert project.counts().blind == 1
    with pytest.raises(ProjectError, match=r"blind_share is 1\.5, expected a number from 0 to 1"):
        make_project(tmp_path, blind_share=1.5)


def test_no_way_fills_a_blind_person(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        made = project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6.25)]}, fill=True)
        assert (made.filled, made.blind) == ([], [EMPTY])
        assert project.fill(EMPTY, made.predictions[0]) is None
        person = project.person(EMPTY)
        assert (person.revision, {j.v for j in person.joints.values()}) == (0, {0})
        assert project.image(5).status == "unlabelled", "nothing on it waits for a labeller"
        assert len(list(project.predictions(image_id=5))) == 1, "the audit can measure"
        assert project.predicted_images(*MODEL) == {5}
        accepted = project.save(EMPTY, base=0, edit_id="a", author="anna", accept=True)
        assert {j.v for j in accepted.joints.values()} == {0}
        for source in ("predicted", "accepted"):
            with pytest.raises(ProjectError, match=f"joint 'head' is {source}, and the person is labelled blind"):
                project.save(EMPTY, base=1, edit_id=source, author="anna", joints={"head": Joint(1, 1, 2, source)})
        project.save(EMPTY, base=1, edit_id="b", author="anna", joints={"head": (3, 4, 2)})
        assert project.add_predictions("other", "1", "", {5: [guess(EMPTY)]}, fill=True).filled == []
        assert project.person(EMPTY).blind, "whoever was labelled blind stays so"
        assert [entry.help for entry in project.history(EMPTY)] == ["blind", "blind"]


def test_a_proposal_may_be_blind(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        made = project.add_predictions(*MODEL, {9: [guess(at=6.25)]}, fill=True)
        (person,) = project.people(9)
        assert (made.proposed, made.blind) == ([person.id], [person.id])
        assert (person.blind, person.box, {j.v for j in person.joints.values()}) == (True, (1, 2, 10, 20), {0})
        assert project.image(9).status == "unlabelled"
        assert next(project.predictions(image_id=9)).person_id == person.id
        text = "".join(str(entry.after) for entry in project.history(person.id))
        assert "6.25" not in text and "predicted" not in text


def test_a_drawn_person_may_be_blind(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        drawn = project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id="n1")
        copied = project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id="n2", joints={"head": (1, 1, 2)})
        assert (drawn.blind, copied.blind) == (True, False), "a copy came with joints"
        assert project.add_predictions(*MODEL, {9: [guess(drawn.id)]}, fill=True).filled == []
    (tmp_path / "two").mkdir()
    with make_project(tmp_path / "two", blind_share=0.5) as project:
        blind = [project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id=f"{n}").blind for n in range(40)]
        assert 0 < sum(blind) < 40  # all alike once in 2^39 keys


def test_a_changed_share_holds_for_whoever_is_still_untouched(tmp_path: Path) -> None:
    data = sample()
    boxes = [{"id": 100 + n, "image_id": 9, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 0} for n in range(6)]
    data["annotations"] += boxes
    with make_project(tmp_path, data, blind_share=0.0) as project:
        people = [p.id for p in project.people(9)]
        assert not any(p.blind for p in project.people(9))
        project.add_predictions(*MODEL, {9: [guess(people[0])]}, fill=True)
        project.save(people[1], base=0, edit_id="e", author="anna", joints={"head": (1, 1, 2)})
    set_share(tmp_path, 1)
    with Project.open(tmp_path / "p") as project:
        assert [p.blind for p in project.people(9)] == [False, False, True, True, True, True]
        project.save(people[2], base=0, edit_id="f", author="anna", joints={"head": (1, 1, 2)})
    set_share(tmp_path, 0)
    with Project.open(tmp_path / "p") as project:
        assert [p.blind for p in project.people(9)] == [False, False, True, False, False, False]
        made = project.add_predictions("other", "1", "", {9: [guess(p) for p in people]}, fill=True)
        assert made.filled == [people[0], *people[3:]]
        assert made.blind == [people[2]]


def test_export_holds_nothing_of_them(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6.8125)], 9: [guess(at=6.8125)]}, fill=True)
        for chunk in project.export_chunks(with_predicted=True):
            assert b"6.8125" not in chunk


def test_a_database_of_before_gets_a_key(tmp_path: Path) -> None:
    make_project(tmp_path).close()
    old = old_database(tmp_path / "p" / "labels.db")
    set_share(tmp_path, 1)
    with Project.open(tmp_path / "p") as project:
        assert [p.blind for p in project.people(5, deleted=True)] == [False, False, False], (
            "filled, labelled, or a crowd"
        )
        assert project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id="n").blind
    assert old["blind_key"] is None


def old_database(path: Path) -> dict[str, Any]:
    """Puts a database as it was written with schema version 1 in the place of another."""
    for leftover in path.parent.glob("labels.db*"):
        leftover.unlink()
    script = (Path(__file__).parent / "schema_1.sql").read_text()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
        database.execute("PRAGMA journal_mode = WAL")
        row = database.execute("SELECT value FROM meta WHERE key = 'blind_key'").fetchone()
    return {"blind_key": row}


def test_quad_is_what_the_old_database_holds() -> None:
    script = (Path(__file__).parent / "schema_1.sql").read_text()
    assert all(f'"{name}"' in script for name in QUAD.joints)
