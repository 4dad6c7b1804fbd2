"""What help each revision had: joints moved against what was served, active seconds, and the totals of every person."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from project_samples import EMPTY, FULL, LABELLED, QUAD, guess, make_project
from sqlalchemy import create_engine, inspect
from test_project_blind import old_database, set_share

from labeltool.project import Joint, Project, tables

MODEL = ("deeppose", "1", "abc")


def figures(project: Project, person_id: int) -> list[tuple[str | None, int | None]]:
    return [(entry.help, entry.joints_moved) for entry in project.history(person_id)]


def test_moves_count_against_the_prediction(project: Project) -> None:
    project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6)]}, fill=True)

    def save(base: int, **joints: tuple[float, float, int] | Joint) -> None:
        project.save(EMPTY, base=base, edit_id=f"e{base}", author="anna", joints=joints)

    save(1, head=(7, 6, 2))
    save(2, head=(8, 6, 2))
    save(3, foot=(6, 6, 1))
    save(4, foot=(6, 6.5, 1), left_hand=(1, 1, 2))
    save(5, head=Joint(6, 6, 2, "predicted"))
    save(6, foot=(0, 0, 0))
    project.save(EMPTY, base=7, edit_id="done", author="anna", accept=True)
    assert figures(project, EMPTY) == [
        ("prefilled", 0),
        ("prefilled", 1),
        ("prefilled", 1),  # the same joint a second time
        ("prefilled", 1),  # a flag is no place
        ("prefilled", 3),
        ("prefilled", 2),  # undone
        ("prefilled", 1),  # taken away: it has no place that could have moved
        ("prefilled", 1),
    ]


def test_imported_joints_count_against_the_import(project: Project) -> None:
    project.save(LABELLED, base=0, edit_id="a", author="anna", joints={"head": (11, 12.5, 2), "right_hand": (5, 5, 2)})
    project.save(LABELLED, base=1, edit_id="b", author="bert", joints={"head": (10, 12.5, 2), "right_hand": (6, 5, 2)})
    assert figures(project, LABELLED) == [("none", 1), ("none", 0)], "right_hand was served without a place"


def test_a_drawn_person_has_nothing_that_could_move(project: Project) -> None:
    person = project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id="n")
    project.save(person.id, base=1, edit_id="a", author="anna", joints={"head": (2, 2, 2)})
    project.save(person.id, base=2, edit_id="b", author="anna", joints={"head": (3, 2, 2)})
    assert figures(project, person.id) == [("none", 0), ("none", 0), ("none", 0)]


def test_a_model_asked_in_between_is_help(project: Project) -> None:
    person = project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id="n")
    project.save(person.id, base=1, edit_id="a", author="anna", joints={"head": (2, 2, 2)})
    project.add_prediction("heatmap", "3", "xyz", 9, guess(person.id, at=4))
    asked = {name: Joint(4, 4, 2, "predicted") for name in ("left_hand", "right_hand", "foot")}
    project.save(person.id, base=2, edit_id="m", author="anna", joints=asked, action="prefill")
    project.save(person.id, base=3, edit_id="b", author="anna", joints={"foot": (4, 5, 2), "head": (2, 3, 2)})
    project.save(person.id, base=4, edit_id="u", author="anna", joints=dict.fromkeys(asked, (0, 0, 0)))
    assert figures(project, person.id) == [
        ("none", 0),
        ("none", 0),
        ("prefilled", 0),
        ("prefilled", 1),
        ("prefilled", 0),  # what was seen cannot be unseen
    ]
    table = project.help_arrays()
    assert (table.help.tolist(), table.model.tolist()) == (["prefilled"], ["heatmap@3"])


def test_a_person_moved_as_a_whole_has_moved(project: Project) -> None:
    project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6)]}, fill=True)
    moved = {name: Joint(7, 6, 2, "predicted") for name in QUAD.joints}
    back = {name: Joint(6, 6, 2, "predicted") for name in QUAD.joints}
    project.save(EMPTY, base=1, edit_id="m", author="anna", joints=moved, action="move_all")
    project.save(EMPTY, base=2, edit_id="u", author="anna", joints=back, action="undo")
    assert figures(project, EMPTY) == [("prefilled", 0), ("prefilled", 4), ("prefilled", 0)]


def test_a_model_asked_and_taken_back(project: Project) -> None:
    project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6)]}, fill=True)
    project.add_prediction("b", "2", "", 5, guess(EMPTY, at=9))
    places = {9: "prefill", 6: "undo"}
    for base, (at, action) in enumerate(places.items(), 1):
        joints = {name: Joint(at, at, 2, "predicted") for name in QUAD.joints}
        project.save(EMPTY, base=base, edit_id=action, author="anna", joints=joints, action=action)
    assert figures(project, EMPTY) == [("prefilled", 0)] * 3


def test_a_copy_of_somebody_is_help_of_no_model(project: Project) -> None:
    joints = {name: Joint(3, 3, 2, "predicted") for name in QUAD.joints}
    person = project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id="n", joints=joints, action="copy")
    project.save(person.id, base=1, edit_id="a", author="anna", joints={"head": (4, 3, 2)})
    assert figures(project, person.id) == [("prefilled", 0), ("prefilled", 1)]
    assert project.help_arrays().model.tolist() == ["unknown"]


def test_a_second_model_serves_anew(project: Project) -> None:
    project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6)]}, fill=True)
    project.add_predictions("b", "2", "", {5: [guess(EMPTY, at=8)]}, fill=True)
    project.save(EMPTY, base=2, edit_id="a", author="anna", joints={"head": (6, 6, 2)})
    assert figures(project, EMPTY)[-1] == ("prefilled", 1)
    assert project.help_arrays().model.tolist() == ["b@2"]


def test_totals(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        drawn = project.add_person(9, box=(1, 1, 5, 5), author="bert", edit_id="n", active_seconds=2.5)
        project.add_predictions(*MODEL, {5: [guess(EMPTY, at=6)], 9: [guess(drawn.id)]}, fill=True)
        assert project.help_arrays().person.tolist() == [drawn.id], "a model's fill is no work"
        for base, seconds in enumerate((1.5, 0.25)):
            project.save(
                EMPTY,
                base=base,
                edit_id=f"e{base}",
                author="anna",
                joints={"head": (base, 1, 2)},
                active_seconds=seconds,
            )
        project.save(FULL, base=0, edit_id="f", author="anna", joints={"head": (9, 1, 2)})
        table = project.help_arrays()
        assert table.person.tolist() == [FULL, EMPTY, drawn.id]
        assert table.annotation.tolist() == [12, 13, drawn.annotation_id]
        assert table.image.tolist() == [3, 5, 9]
        assert table.help.tolist() == ["none", "blind", "blind"]
        assert table.model.tolist() == ["", "", ""]
        assert table.joints_moved.tolist() == [1, 0, 0]
        np.testing.assert_array_equal(table.seconds, [np.nan, 1.75, 2.5])


def test_a_project_without_work(project: Project) -> None:
    table = project.help_arrays()
    assert (len(table.person), table.seconds.dtype, table.joints_moved.dtype) == (0, np.float64, np.int64)


# --- the way from schema version 1 ----------------------------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project whose database is of schema version 1."""
    make_project(tmp_path).close()
    old_database(tmp_path / "p" / "labels.db")
    return tmp_path / "p"


def test_an_old_log_stays_as_it_was(old: Path) -> None:
    query = (
        "SELECT id, person_id, number, base, author, at, action, before, after, active_seconds, edit_id FROM revisions"
    )
    with closing(sqlite3.connect(old / "labels.db")) as database:
        before = database.execute(query).fetchall()
    with Project.open(old) as project:
        assert figures(project, EMPTY) == [(None, None)] * 3
        assert project.help_arrays().help.tolist() == ["unknown"] * 3
        assert project.help_arrays().joints_moved.tolist() == [-1, -1, -1]
    with closing(sqlite3.connect(old / "labels.db")) as database:
        assert database.execute(query).fetchall() == before
        with pytest.raises(sqlite3.IntegrityError, match="revisions is append-only"):
            database.execute("UPDATE revisions SET help = 'none'")


def test_work_goes_on_where_the_old_version_left_it(old: Path) -> None:
    with Project.open(old) as project:
        # the old version had filled every joint at 6.25, and a labeller had moved the head
        project.save(EMPTY, base=3, edit_id="x", author="anna", joints={"foot": (1, 1, 2)}, active_seconds=2)
        assert figures(project, EMPTY)[-1] == ("prefilled", 2)
        project.save(LABELLED, base=1, edit_id="y", author="anna", joints={"foot": (30, 31, 2), "head": (1, 1, 2)})
        assert figures(project, LABELLED)[-1] == ("none", 1)
        table = project.help_arrays()
        row = table.person.tolist().index(EMPTY)
        assert (table.help[row], table.model[row], table.seconds[row]) == ("prefilled", "deeppose@1", 7.0)


def test_the_old_schema_becomes_the_new_one(old: Path, tmp_path: Path) -> None:
    set_share(tmp_path, 0.05)
    Project.open(old).close()
    (tmp_path / "new").mkdir()
    make_project(tmp_path / "new").close()

    def shape(path: Path) -> tuple[object, ...]:
        engine = create_engine(f"sqlite:///{path}")
        found = inspect(engine)
        columns = {
            name: {
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]).strip("'"))
                for c in found.get_columns(name)
            }
            for name in found.get_table_names()
        }
        indexes = {
            name: sorted((i["name"] or "", tuple(i["column_names"])) for i in found.get_indexes(name))
            for name in found.get_table_names()
        }
        with engine.connect() as connection:
            triggers = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"
            )
            rows = [tuple(row) for row in triggers]
            partial = connection.exec_driver_sql(
                "SELECT sql FROM sqlite_master WHERE name = 'people_blind'"
            ).scalar_one()
        engine.dispose()
        return columns, indexes, rows, " ".join(partial.split())

    for migrated, made in zip(shape(old / "labels.db"), shape(tmp_path / "new" / "p" / "labels.db"), strict=True):
        assert migrated == made
    assert tables.schema_version() >= 2
