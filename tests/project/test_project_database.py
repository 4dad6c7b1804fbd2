from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from project_samples import CROWD, EMPTY, FULL, LABELLED, QUAD, make_project, sample
from sqlalchemy import Connection

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError
from labeltool.project import Project, StaleRevision, tables


@contextmanager
def sqlite(folder: Path) -> Iterator[sqlite3.Connection]:
    """The project's database, past the store."""
    with closing(sqlite3.connect(folder / "p" / "labels.db")) as connection, connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_project(tmp_path).close()
    return tmp_path


def check_refused(folder: Path, message: str) -> None:
    with pytest.raises(ProjectError, match=message) as caught:
        Project.open(folder / "p")
    assert "\n" not in str(caught.value)
    assert "labels.db" in str(caught.value)


def test_the_settings_that_keep_labels_safe(project: Project) -> None:
    with project._db.write() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "user_version")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "user_version": tables.schema_version(),
    }


def test_many_writes_in_a_row_wait_for_the_disk_once(project: Project) -> None:
    def synchronous(connection: Connection) -> int:
        return int(connection.connection.cursor().execute("PRAGMA synchronous").fetchone()[0])

    database = project._db
    with database.bulk() as connection:
        assert synchronous(connection) == 1
        with database.write(connection):
            connection.exec_driver_sql("UPDATE meta SET value = value")
        before = (project.path / "labels.db-wal").stat().st_size
    # the write that the disk is waited for
    assert (project.path / "labels.db-wal").stat().st_size > before
    with database.write() as again:
        assert synchronous(again) == 2
    with pytest.raises(KeyboardInterrupt), database.bulk():
        raise KeyboardInterrupt
    with database.write() as again:
        assert synchronous(again) == 2


def test_a_missing_or_foreign_database(folder: Path) -> None:
    path = folder / "p" / "labels.db"
    path.write_bytes(b"")
    check_refused(folder, "the file is empty, expected the project's labels")
    path.write_text("these are not the labels you are looking for " * 100)
    check_refused(folder, "not a SQLite database")
    path.unlink()
    check_refused(folder, "no such database, expected the project's labels")
    assert not path.exists()
    path.mkdir()
    check_refused(folder, "no such database")
    path.rmdir()
    with sqlite(folder) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    check_refused(folder, "a SQLite database, but not one of labeltool's")


def test_a_cut_database(folder: Path) -> None:
    path = folder / "p" / "labels.db"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with (
        pytest.raises(ProjectError, match=r"labels\.db: the database is damaged"),
        Project.open(folder / "p") as project,
    ):
        project.to_document()


def test_a_newer_schema_is_refused(folder: Path) -> None:
    with sqlite(folder) as connection:
        connection.execute("PRAGMA user_version = 99")
    known = tables.schema_version()
    check_refused(folder, f"schema version 99 of a newer labeltool, expected at most {known}; update labeltool")


def test_a_migration_and_its_record_are_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE images ADD COLUMN tag TEXT")

    def second(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE tags (name TEXT)")
        if broken:
            raise RuntimeError("the power goes")

    broken, before = True, tables.schema_version()
    monkeypatch.setattr(tables, "MIGRATIONS", (*tables.MIGRATIONS, first, second))
    with pytest.raises(RuntimeError, match="the power goes"):
        Project.open(folder / "p")
    with sqlite(folder) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (before,)
        assert "tag" not in [row[1] for row in connection.execute("PRAGMA table_info(images)")]
    broken = False
    with Project.open(folder / "p") as project:
        assert project.image(5).status == "unlabelled"
    with sqlite(folder) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (before + 2,)
        assert "tag" in [row[1] for row in connection.execute("PRAGMA table_info(images)")]


@pytest.mark.parametrize("table", ["revisions", "events", "originals"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id + 100"])
def test_the_logs_only_grow(project: Project, tmp_path: Path, table: str, statement: str) -> None:
    project.save(LABELLED, base=0, edit_id="e", author="anna", joints={"head": (1, 1, 2)})
    with sqlite(tmp_path) as connection, pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
        connection.execute(statement.format(table))


def test_a_locked_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeltool.project.database.BUSY_SECONDS", 0.05)
    with Project.open(folder / "p") as project, sqlite(folder) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(ProjectError, match="another program has kept it locked"):
            project.set_status(5, "done", "anna")
        assert project.image(5).status == "unlabelled"  # reading goes on
        connection.rollback()
        project.set_status(5, "done", "anna")


def as_nobody(action: Callable[[], str]) -> str:
    """What an action says when it runs without the rights of root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writer, action().encode())
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_read_only_folder() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        make_project(folder).close()
        (folder / "p").chmod(0o555)
        (folder / "p" / "labels.db").chmod(0o444)
        opened = as_nobody(lambda: str(Project.open(folder / "p").path))
        (folder / "p").chmod(0o777)
        file_only = as_nobody(lambda: str(Project.open(folder / "p").path))
        document = CocoDocument(sample(), "sample.json")
        made = as_nobody(lambda: str(Project.create(folder / "new", document, folder / "photos", QUAD).path))
    for answer in (opened, file_only):
        assert answer == f"ProjectError: {folder}/p/labels.db: cannot be written: the file or its folder is read-only"
    assert made == f"ProjectError: {folder}/new: cannot be made: Permission denied"


def test_many_threads_save_at_once(project: Project) -> None:
    def work(name: str) -> None:
        done = 0
        while done < 8:
            current = project.person(LABELLED)
            x = current.joints["head"].x + 1
            try:
                project.save(
                    LABELLED,
                    base=current.revision,
                    edit_id=f"{name}-{done}",
                    author=name,
                    joints={"head": (x, 0, 2)},
                )
                done += 1
            except StaleRevision:
                pass
            project.people(5)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert project.person(LABELLED).joints["head"].x == 10 + 32  # no save was lost, none counted twice
    assert [entry.number for entry in project.history(LABELLED)] == list(range(1, 33))


def _predict_in_another_process(path: Path, started: Any) -> None:
    from project_samples import guess

    with Project.open(path) as project:
        started.set()
        for number in range(15):
            project.add_predictions("m", str(number), "", {5: [guess(EMPTY, at=number + 1.0)], 9: [guess()]}, fill=True)


def test_two_processes_at_once(project: Project) -> None:
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    other = context.Process(target=_predict_in_another_process, args=(project.path, started))
    other.start()
    assert started.wait(60)
    saves = 0
    while other.is_alive() or saves < 10:
        project.save(FULL, base=saves, edit_id=f"e{saves}", author="anna", joints={"head": (saves, 1, 2)})
        saves += 1
    other.join()
    assert other.exitcode == 0
    assert project.person(FULL).revision == saves
    assert project.person(EMPTY).joints["head"].x == 15
    assert len(project.list_models()) == 15
    assert project.person(CROWD).revision == 0


def test_reading_while_writing_sees_one_state(project: Project) -> None:
    stream = project.labelled_people()
    first = next(stream)
    project.save(LABELLED, base=0, edit_id="e", author="anna", joints={"head": (99, 1, 2)})
    second = next(stream)
    assert (first.id, second.id) == (FULL, LABELLED)
    assert second.keypoints[0] == 10
    stream.close()
    assert project.person(LABELLED).joints["head"].x == 99
