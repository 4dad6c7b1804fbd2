from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from project_samples import FULL, LABELLED, make_project

from labeltool.project import Project

_SAVER = f"""
import sys
from pathlib import Path
from labeltool.project import Project

project = Project.open(Path(sys.argv[1]))
number = 0
while True:
    for person_id in ({LABELLED}, {FULL}):
        base = project.person(person_id).revision
        edit = f"{{sys.argv[2]}}-{{number}}"
        project.save(person_id, base=base, edit_id=edit, author="anna", joints={{"head": (number + 0.25, base, 2)}})
        print(edit, person_id, base + 1, number + 0.25, flush=True)
        number += 1
"""

ROUNDS = 15


def test_no_acknowledged_save_is_lost_to_kill_9(tmp_path: Path) -> None:
    make_project(tmp_path).close()
    path = tmp_path / "p"
    chance = random.Random(9)
    acknowledged: list[list[str]] = []
    for round_ in range(ROUNDS):
        saver = subprocess.Popen(
            [sys.executable, "-c", _SAVER, str(path), f"r{round_}"], stdout=subprocess.PIPE, text=True
        )
        assert saver.stdout is not None
        lines = [saver.stdout.readline()]
        time.sleep(chance.uniform(0, 0.15))
        saver.send_signal(signal.SIGKILL)
        lines += saver.stdout.read().splitlines(keepends=True)
        saver.stdout.close()
        assert saver.wait() == -signal.SIGKILL
        acknowledged += [line.split() for line in lines if line.endswith("\n")]

        with Project.open(path) as project:
            logs = {person_id: project.history(person_id) for person_id in (LABELLED, FULL)}
            for person_id, log in logs.items():
                person = project.person(person_id)
                assert [entry.number for entry in log] == list(range(1, person.revision + 1))
                assert log[-1].after["joints"]["head"][0] == person.joints["head"].x
        by_edit = {entry.edit_id: entry for log in logs.values() for entry in log}
        for edit, person_id, revision, x in acknowledged:
            entry = by_edit[edit]
            assert (entry.person_id, entry.number) == (int(person_id), int(revision))
            assert entry.after["joints"]["head"][0] == float(x)
        with closing(sqlite3.connect(path / "labels.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(acknowledged) >= ROUNDS


def test_a_killed_init_leaves_no_project(tmp_path: Path) -> None:
    maker = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import labeltool.project.importing as importing
from project_samples import make_project
sync = importing.sync
def wait(*paths):
    print("ready", flush=True)
    time.sleep(60)
importing.sync = wait
make_project(Path(sys.argv[1]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", maker, str(tmp_path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "p").exists()
    with make_project(tmp_path) as project:
        assert len(project.images()) == 3
