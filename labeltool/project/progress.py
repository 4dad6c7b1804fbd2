"""How far the work is and how fast it goes: sums over counters and indexes, never over the labels themselves."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from labeltool.project.measuring import is_human
from labeltool.project.tables import images, revisions
from labeltool.project.tallies import Pace, Progress
from labeltool.project.values import STATUSES, UNFINISHED

#: Revisions of an author that the rate is taken over: recent enough for what was learned to show, many enough to be steady.
RECENT = 2000


def progress(connection: Connection, joints: int) -> Progress:
    """How far the work is; see `Project.progress`.

    Args:
        connection: on one snapshot.
        joints: K, the joints of a person.
    """
    query = select(
        images.c.status,
        func.count(),
        func.sum(images.c.people),
        func.sum(images.c.decided),
        func.sum(images.c.people > 0),
    ).group_by(images.c.status)
    rows = {row[0]: tuple(map(int, row[1:])) for row in connection.execute(query)}
    counted = {status: rows.get(status, (0, 0, 0, 0)) for status in STATUSES}
    done_images, done_people, _, done_with_people = counted["done"]
    waiting = [counted[status] for status in UNFINISHED]
    people = done_people + sum(row[1] for row in waiting)
    usual = done_people / done_images if done_with_people else 0.0
    needs_fix = connection.execute(select(func.count()).select_from(images).where(images.c.fix > 0)).scalar_one()
    return Progress(
        by_status={status: counted[status][0] for status in STATUSES},
        needs_fix=int(needs_fix),
        people=people,
        people_done=done_people,
        joints=joints * people,
        joints_done=joints * done_people + sum(row[2] for row in waiting),
        people_waiting=sum(row[1] + usual * (row[0] - row[3]) for row in waiting),
    )


def pace(connection: Connection, author: str) -> Pace:
    """How fast somebody labels, by the last 2,000 revisions; see `Project.pace`."""
    recent = (
        select(revisions.c.person_id, revisions.c.active_seconds)
        .where(revisions.c.author == author)
        .order_by(revisions.c.id.desc())
        .limit(RECENT)
        .subquery()
    )
    query = select(func.count(recent.c.person_id.distinct()), func.coalesce(func.sum(recent.c.active_seconds), 0.0))
    people, seconds = connection.execute(query).one()
    return Pace(author, int(people), float(seconds))


def paces(connection: Connection) -> list[Pace]:
    """The pace of everybody who ever labelled, the most people first; models and imports are nobody."""
    query = (
        select(
            revisions.c.author,
            func.count(revisions.c.person_id.distinct()),
            func.coalesce(func.sum(revisions.c.active_seconds), 0.0),
        )
        .where(is_human(revisions.c.author))
        .group_by(revisions.c.author)
    )
    found = [Pace(author, int(people), float(seconds)) for author, people, seconds in connection.execute(query)]
    return sorted(found, key=lambda p: (-p.people, p.author))


def labellers(connection: Connection) -> list[str]:
    """Everybody who ever saved an edit, by name; models and imports are nobody. One look into the index for every name."""
    found: list[str] = []
    name = connection.execute(select(func.min(revisions.c.author))).scalar_one()
    while name is not None:
        found.append(name)
        name = connection.execute(select(func.min(revisions.c.author)).where(revisions.c.author > name)).scalar_one()
    human = select(revisions.c.id).where(is_human(revisions.c.author)).limit(1)
    return [name for name in found if connection.execute(human.where(revisions.c.author == name)).first() is not None]


def skip_reasons(connection: Connection) -> list[tuple[str, int]]:
    """The reasons why images were skipped, the most frequent first; see `Project.skip_reasons`."""
    number = func.count().label("number")
    query = (
        select(func.coalesce(images.c.reason, "no reason given"), number)
        .where(images.c.status == "skipped")
        .group_by(images.c.reason)
        .order_by(number.desc(), images.c.reason)
    )
    return [(reason, int(count)) for reason, count in connection.execute(query)]
