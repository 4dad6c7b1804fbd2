"""Orders, filters, doubts, flags, findings, progress and rates: what the queue keeps beside the images."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project_samples import EMPTY, LABELLED, QUAD, guess, make_project, sample

from labeltool.errors import ProjectError
from labeltool.project import FILTERS, ORDERS, Pace, Project, QueueList, tables
from labeltool.project.worklist import shuffled


def many(folder: Path, count: int = 30) -> Project:
    """A project of images whose names and ids stand in other orders than they came in; nobody in it is blind."""
    data = sample()
    ids = random.Random(3).sample(range(1, 1000), count)
    data["images"] = [{"id": i, "file_name": f"s{i % 3}/{i:03}.jpg", "width": 80, "height": 60} for i in ids]
    data["annotations"] = [
        {"id": n + 1, "image_id": i, "category_id": 1, "bbox": [1, 2, 40, 50], "iscrowd": 0} for n, i in enumerate(ids)
    ]
    return make_project(folder, data, blind_share=0.0)


def ids_of(project: Project, **wish: Any) -> list[int]:
    return list(project.queue(**wish).ids)


def test_the_orders_that_need_no_model(tmp_path: Path) -> None:
    with many(tmp_path) as project:
        came = [image.id for image in project.images()]
        assert ids_of(project) == came
        assert ids_of(project, order="id") == sorted(came)
        assert ids_of(project, order="name") == sorted(came, key=lambda i: (i % 3, i))
        mixed = ids_of(project, order="random", seed=5)
        assert sorted(mixed) == sorted(came)
        assert mixed == ids_of(project, order="random", seed=5)
        assert mixed != ids_of(project, order="random", seed=6)
        assert mixed not in (came, sorted(came))


def test_a_seed_leaves_the_others_in_their_order_when_images_come_or_go() -> None:
    ids = np.arange(1, 500)
    whole = ids[shuffled(ids, 7)]
    fewer = ids[ids % 3 != 0]
    assert list(fewer[shuffled(fewer, 7)]) == [i for i in whole if i % 3]
    places = np.empty(500)
    places[whole] = np.arange(499)
    assert abs(np.corrcoef(ids, places[1:])[0, 1]) < 0.15, "the id does not tell the place"


def test_filters_pages_and_text_agree_with_the_list(tmp_path: Path) -> None:
    with many(tmp_path) as project:
        came = ids_of(project)
        for n, status in enumerate(("done", "skipped", "in_progress", "prefilled")):
            project.set_status(came[n], status, "anna", "dark" if status == "skipped" else None)
        project.flag(came[5], "left and right", "rev")
        expected = {
            "all": came,
            "unfinished": came[2:],
            "unlabelled": came[4:],
            "prefilled": [came[3]],
            "in_progress": [came[2]],
            "done": [came[0]],
            "skipped": [came[1]],
            "fix": [came[5]],
        }
        assert set(expected) == set(FILTERS)
        for which, ids in expected.items():
            assert ids_of(project, which=which) == ids
            for order in ORDERS:
                whole = ids_of(project, which=which, order=order, seed=2)
                assert sorted(whole) == sorted(ids)
                total, entries = project.queue_page(which, order=order, seed=2, offset=3, limit=7)
                assert (total, [e.image.id for e in entries]) == (len(ids), whole[3:10])
        assert ids_of(project, text="s1/") == [i for i in came if i % 3 == 1]
        assert ids_of(project, text=str(came[9])) == [i for i in came if i == came[9] or str(came[9]) in f"{i:03}"]
        assert ids_of(project, text="100%_") == []
        assert [image.id for image in project.walk(order="name")] == ids_of(project, which="unfinished", order="name")
        assert project.skip_reasons() == [("dark", 1)]


def test_what_the_queue_refuses(project: Project) -> None:
    with pytest.raises(ProjectError, match="filter 'open': unknown, expected one of all, unfinished"):
        project.queue("open")
    with pytest.raises(ProjectError, match="order 'hard': unknown, expected one of position, id"):
        project.queue(order="hard")


def joints_at(offset: float, confidence: float = 0.9) -> dict[str, tuple[float, float, float]]:
    """The joints of a guess; two models with other offsets disagree."""
    places = {"head": (20, 5), "left_hand": (30, 25), "right_hand": (10, 25), "foot": (20, 50)}
    return {name: (x + offset, y, confidence) for name, (x, y) in places.items()}


def test_the_most_doubtful_come_first(tmp_path: Path) -> None:
    with many(tmp_path, 5) as project:
        came = ids_of(project)
        people = {i: project.people(i)[0].id for i in came}
        first = {came[n]: [guess(people[came[n]], **joints_at(0, c))] for n, c in ((0, 0.9), (1, 0.2), (2, 0.6))}
        project.add_predictions("a", "1", "h", first)
        assert ids_of(project, order="confidence") == [came[1], came[2], came[0], came[3], came[4]]
        entry = project.queue_page(order="confidence")[1][0]
        assert entry.confidence == pytest.approx(0.8)
        assert entry.disagreement is None
        second = {
            came[0]: [guess(people[came[0]], **joints_at(9))],
            came[2]: [guess(people[came[2]], **joints_at(0.5))],
        }
        project.add_predictions("b", "1", "h", second)
        assert ids_of(project, order="disagreement")[:2] == [came[0], came[2]]
        by_id = {e.image.id: e for e in project.queue_page()[1]}
        assert by_id[came[0]].disagreement is not None and by_id[came[0]].disagreement > 0.5
        for entry in by_id.values():
            parts = [p for p in (entry.confidence, entry.disagreement, entry.pose) if p is not None]
            whole = None if not parts else 1 - np.prod([1 - p for p in parts])
            assert entry.doubt == (None if whole is None else pytest.approx(whole, abs=1e-5))
        doubtful = [e.image.id for e in project.queue_page(order="uncertainty")[1]]
        assert doubtful == sorted(came, key=lambda i: (-(by_id[i].doubt or -1), came.index(i)))
        project.measure_doubts()
        assert {e.image.id: e.doubt for e in project.queue_page()[1]} == {i: e.doubt for i, e in by_id.items()}


def test_whoever_is_blind_leaves_no_doubt(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=1.0) as project:
        assert project.person(EMPTY).blind
        project.add_predictions("a", "1", "h", {5: [guess(EMPTY, confidence=0.1)]})
        assert [e.doubt for e in project.queue_page()[1]] == [None, None, None]
        project.measure_doubts()
        assert [e.doubt for e in project.queue_page()[1]] == [None, None, None]
        project.add_predictions("a", "1", "h", {5: [guess(EMPTY, confidence=0.1), guess(LABELLED, confidence=0.8)]})
        assert project.queue_page()[1][0].confidence == pytest.approx(0.2), "of the other person alone"


def test_doubts_go_when_chance_turns_somebody_blind(tmp_path: Path) -> None:
    with make_project(tmp_path, blind_share=0.0) as project:
        project.add_predictions("a", "1", "h", {5: [guess(EMPTY, confidence=0.1)]})
        assert project.queue_page()[1][0].doubt is not None
    toml = tmp_path / "p" / "project.toml"
    toml.write_text(toml.read_text().replace("blind_share = 0.0", "blind_share = 1.0"))
    with Project.open(tmp_path / "p") as project:
        assert project.person(EMPTY).blind
        assert project.queue_page()[1][0].doubt is None


def test_a_flag_is_set_logged_and_cleared(project: Project) -> None:
    image = project.flag(5, "left and right", "rev")
    assert (image.flag, image.flagged_by, image.needs_fix) == ("left and right", "rev", True)
    project.flag(5, "left and right", "rev")
    assert project.queue("fix") == QueueList([5], ["unlabelled"], [4])
    assert project.flag(5, None, "anna").needs_fix is False
    assert [(f.author, f.note) for f in project.flags(5)] == [("rev", "left and right"), ("anna", None)]
    assert project.progress().needs_fix == 0
    for note, message in (("", "note is ''"), (" ", "note is ' '")):
        with pytest.raises(ProjectError, match=message):
            project.flag(5, note, "rev")
    with pytest.raises(ProjectError, match="image 4: no such image"):
        project.flag(4, "x", "rev")


def test_an_error_in_the_labels_is_found_on_save_and_gone_when_mended(project: Project) -> None:
    project.set_problem(9, "cut off")
    saved = project.save(LABELLED, base=0, edit_id="e1", author="anna", joints={"head": (700, 20, 2)})
    finding = project.image(5).finding
    assert finding is not None and finding.startswith("A311 annotation 11: 'head' at (700, 20)")
    assert list(project.queue("fix").fixes) == [2, 1]
    project.save(LABELLED, base=saved.revision, edit_id="e2", author="anna", joints={"head": (70, 20, 2)})
    assert project.image(5).finding is None
    project.add_person(5, box=(70, 10, 30, 5), author="anna", edit_id="e3")
    assert "B403" in (project.image(5).finding or "")
    assert ids_of(project, which="fix") == [5, 9]


def test_a_prediction_is_no_error_before_somebody_takes_it(project: Project) -> None:
    project.add_predictions("m", "1", "h", {5: [guess(EMPTY, at=500.0)]}, fill=True)
    assert project.recheck() == 0
    person = project.person(EMPTY)
    if not person.blind:
        project.save(EMPTY, base=person.revision, edit_id="e", author="anna", accept=True)
        assert (project.image(5).finding or "").startswith("A311")


def test_a_recheck_finds_what_came_with_the_import(tmp_path: Path) -> None:
    data = sample()
    data["annotations"][0]["keypoints"][0] = 400
    with make_project(tmp_path, data) as project:
        assert project.image(5).finding is None, "the import does not look"
        assert project.recheck([3, 9]) == 0
        assert project.recheck() == 1
        assert (project.image(5).finding or "").startswith("A311 annotation 11")
        with pytest.raises(ProjectError, match="image 4: no such image"):
            project.recheck([4])


def test_progress_in_people_and_joints(project: Project) -> None:
    # 5: a labelled person (3 of 4 joints), a crowd, one without joints; 3: done with four joints; 9: nobody
    found = project.progress()
    assert (found.people, found.people_done, found.joints, found.joints_done) == (3, 1, 12, 4 + 3)
    assert found.people_waiting == 2 + 1, "an image without people counts as many as one that is done has"
    project.save(LABELLED, base=0, edit_id="e1", author="anna", joints={"head": (0, 0, 0)})
    assert project.progress().joints_done == 7, "a label taken away is a decision too"
    project.save(EMPTY, base=0, edit_id="e2", author="anna", deleted=True)
    assert project.progress().people == 2
    project.set_status(5, "skipped", "anna", "dark")
    found = project.progress()
    assert (found.people, found.people_done, found.joints_done, found.people_waiting) == (1, 1, 4, 1)
    project.save(EMPTY, base=1, edit_id="e3", author="anna", deleted=False)
    assert project.progress().people == 3
    assert sum(found.by_status.values()) == 3


def test_the_counters_are_what_a_count_would_be(tmp_path: Path) -> None:
    rng = random.Random(1)
    with make_project(tmp_path, blind_share=0.0) as project:
        for n in range(60):
            people = [p for i in (5, 3, 9) for p in project.people(i, deleted=True) if not p.crowd]
            person = rng.choice(people)
            if n % 10 == 9:
                project.add_person(9, box=(1, 1, 5, 5), author="anna", edit_id=f"n{n}", joints={"head": (2, 2, 2)})
            elif person.deleted or rng.random() < 0.2:
                deleted = not person.deleted
                project.save(person.id, base=person.revision, edit_id=f"e{n}", author="anna", deleted=deleted)
            else:
                joint = rng.choice(QUAD.joints)
                joints = {joint: (rng.randint(1, 15), rng.randint(1, 20), rng.choice((0, 1, 2)))}
                project.save(person.id, base=person.revision, edit_id=f"e{n}", author="anna", joints=joints)
        for entry in project.queue_page()[1]:
            alive = [p for p in project.people(entry.image.id) if not p.crowd]
            decided = sum(j.is_human for p in alive for j in p.joints.values())
            assert (entry.people, entry.decided) == (len(alive), decided)


def test_the_pace_of_labellers(project: Project) -> None:
    assert project.pace("anna") == Pace("anna", 0, 0.0)
    assert project.pace("anna").people_per_hour is None
    project.add_predictions("m", "1", "h", {9: [guess()]}, fill=True)
    edits = (("anna", LABELLED, 30.0), ("anna", EMPTY, 60.0), ("ben", LABELLED, 20.0), ("anna", LABELLED, 30.0))
    for n, (author, person_id, seconds) in enumerate(edits):
        base = project.person(person_id).revision
        joints = {"head": (n + 1, 1, 2)}
        project.save(person_id, base=base, edit_id=f"e{n}", author=author, joints=joints, active_seconds=seconds)
    assert project.pace("anna") == Pace("anna", 2, 120.0)
    assert project.pace("anna").people_per_hour == 60
    assert project.paces() == [Pace("anna", 2, 120.0), Pace("ben", 1, 20.0)], "models are nobody"
    assert project.pace("ben").people_per_hour is None, "a third of a minute says nothing"
    progress = project.progress()
    assert progress.seconds_left(60.0) == 60 * progress.people_waiting
    assert progress.seconds_left(None) is None


def schema_of(path: Path) -> dict[str, Any]:
    """Tables with their columns, indexes and triggers, however they came about."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        columns = {
            name: database.execute(f"PRAGMA table_xinfo({name})").fetchall()
            for kind, name, *_ in rows
            if kind == "table"
        }
        indexes = {
            name: database.execute(f"PRAGMA index_info({name})").fetchall()
            for kind, name, *_ in rows
            if kind == "index"
        }
    triggers = {name: " ".join(sql.split()) for kind, name, _, sql in rows if kind == "trigger"}
    return {
        "columns": {t: {c[1]: (c[2], c[3], c[5], c[6]) for c in found} for t, found in columns.items()},
        "indexes": {name: [row[2] for row in found] for name, found in indexes.items()},
        "triggers": triggers,
    }


def test_a_database_of_the_version_before_becomes_what_a_new_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path).close()
    path = tmp_path / "p" / "labels.db"
    fresh = schema_of(path)
    for leftover in path.parent.glob("labels.db*"):
        leftover.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript((Path(__file__).parent / "schema_1.sql").read_text())
        database.execute("PRAGMA journal_mode = WAL")
    steps = tables.MIGRATIONS
    names = [step.__name__ for step in steps]
    before = names.index("add_queue")
    monkeypatch.setattr(tables, "MIGRATIONS", steps[:before])
    with closing(sqlite3.connect(path)) as database:
        people = database.execute("SELECT count(*) FROM people WHERE NOT crowd AND NOT deleted").fetchone()[0]
    from labeltool.project.database import Database

    Database.open(path, QUAD.joints).close()
    monkeypatch.setattr(tables, "MIGRATIONS", steps)
    with Project.open(tmp_path / "p") as project:
        entries = project.queue_page()[1]
        assert sum(entry.people for entry in entries) == people > 0
        assert sum(entry.decided for entry in entries) > 0
        project.flag(entries[0].image.id, "look", "rev")
        project.recheck()
        project.measure_doubts()
        assert any(entry.doubt is not None for entry in project.queue_page()[1])
    assert schema_of(path) == fresh
