"""What an edit does to a person: pure functions from one state to the next, and the checks on what clients send."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, TypeAlias

from labeltool.errors import ProjectError
from labeltool.project.values import SOURCES, Box, Joint

#: A joint as a client gives it: `(x, y, v)`, whose source follows from the change, or a `Joint`, taken as it is.
JointLike: TypeAlias = Joint | Sequence[float]

#: A coordinate beyond this is a mistake, not a place in a photo.
LIMIT = 1e9


@dataclass(frozen=True, slots=True)
class State:
    """What a revision changes of a person.

    Attributes:
        box: xywh or None.
        joints: every joint of the skeleton by name, in order.
        deleted: whether the person is left out of exports.
    """

    box: Box | None
    joints: Mapping[str, Joint]
    deleted: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit as a client sends it; see `Project.save` for the fields."""

    box: Box | Sequence[float] | None
    joints: Mapping[str, JointLike] | None
    deleted: bool | None
    accept: bool | Collection[str]
    author: str
    edit_id: str
    action: str
    active_seconds: float


def empty_joints(names: Sequence[str], source: str) -> dict[str, Joint]:
    """Every joint not labelled, left so by `source`."""
    return dict.fromkeys(names, Joint(0, 0, 0, source))


def check_edit(edit: Edit, names: Sequence[str], where: str) -> Edit:
    """The edit with its numbers as plain ints and floats.

    Args:
        edit: what the client sent.
        names: the skeleton's joints.
        where: what the edit is for, to begin messages with.

    Raises:
        ProjectError: anything a store of labels must not hold.
    """
    check_author(edit.author, where)
    check_text(edit.edit_id, f"{where}: edit id", "a text that is unique to this edit")
    check_text(edit.action, f"{where}: action", "a word")
    seconds = check_number(edit.active_seconds, f"{where}: active seconds")
    if seconds < 0:
        raise ProjectError(f"{where}: active seconds is {seconds}, expected at least 0")
    if edit.deleted is not None and not isinstance(edit.deleted, bool):
        raise ProjectError(f"{where}: deleted is {edit.deleted!r}, expected true or false")
    joints: dict[str, JointLike] = {}
    for name, given in (edit.joints or {}).items():
        _check_name(name, names, where)
        joints[name] = check_joint(given, f"{where}: joint {name!r}")
    accept = edit.accept
    if not isinstance(accept, bool):
        if isinstance(accept, str) or not isinstance(accept, Collection):
            raise ProjectError(f"{where}: accept is {accept!r}, expected true, false or joint names")
        for name in accept:
            _check_name(name, names, where)
    box = None if edit.box is None else check_box(edit.box, where)
    return replace(edit, box=box, joints=joints, active_seconds=seconds)


def check_text(value: Any, where: str, expected: str) -> None:
    """Refuses what is no text, blank, or not valid Unicode.

    Raises:
        ProjectError: it is.
    """
    if not isinstance(value, str) or not value.strip() or not _is_unicode(value):
        raise ProjectError(f"{where} is {value!r}, expected {expected}")


def check_author(author: Any, where: str) -> None:
    """Refuses an author that is no name, or that claims to be a model or an import.

    Raises:
        ProjectError: no text, empty, or beginning with `model:` or `import:`.
    """
    check_text(author, f"{where}: author", "a name")
    if author.startswith(("model:", "import:")):
        raise ProjectError(
            f"{where}: author is {author!r}, expected a person's name (models fill and imports add, they do not save)"
        )


def check_number(value: Any, where: str) -> float:
    """The value as an int or float (an int stays an int).

    Raises:
        ProjectError: a bool, no number, not finite, or beyond 1e9.
    """
    if type(value) is not int and type(value) is not float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ProjectError(f"{where} is {value!r}, expected a number")
        value = float(value)
    if not -LIMIT <= value <= LIMIT:  # also catches NaN
        shown = value if isinstance(value, float) else f"a number of {len(str(abs(value)))} digits"
        raise ProjectError(f"{where} is {shown}, expected a finite number within 1e9")
    return value  # type: ignore[no-any-return]


def check_box(box: Any, where: str) -> Box:
    """The box as four plain numbers.

    Raises:
        ProjectError: not four finite numbers, or w or h is not above 0.
    """
    if isinstance(box, str | bytes | Mapping) or not isinstance(box, Sequence) or len(box) != 4:
        raise ProjectError(f"{where}: box is {box!r}, expected [x, y, w, h]")
    x, y, w, h = (check_number(value, f"{where}: box {name}") for name, value in zip("xywh", box, strict=True))
    if w <= 0 or h <= 0:
        raise ProjectError(f"{where}: box is {w} x {h}, expected w and h above 0")
    return (x, y, w, h)


def check_joint(given: Any, where: str) -> JointLike:
    """The joint with plain numbers; with v = 0 it stands at (0, 0).

    Raises:
        ProjectError: neither a `Joint` nor three numbers, v other than 0, 1, 2, an unknown source.
    """
    if isinstance(given, Joint):
        if given.source not in SOURCES:
            raise ProjectError(f"{where}: source is {given.source!r}, expected one of {', '.join(SOURCES)}")
        x, y, v = _check_xyv(given.x, given.y, given.v, where)
        return Joint(x, y, v, given.source)
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence) or len(given) != 3:
        raise ProjectError(f"{where} is {given!r}, expected x, y and v")
    x, y, v = given
    return _check_xyv(x, y, v, where)


def _check_xyv(x: Any, y: Any, v: Any, where: str) -> tuple[float, float, int]:
    flag = check_number(v, f"{where}: v")
    if flag not in (0, 1, 2):
        raise ProjectError(f"{where}: v is {flag}, expected 0 (not labelled), 1 (hidden) or 2 (visible)")
    x, y = check_number(x, f"{where}: x"), check_number(y, f"{where}: y")
    return (0, 0, 0) if flag == 0 else (x, y, int(flag))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_name(name: Any, names: Sequence[str], where: str) -> None:
    if name not in names:
        raise ProjectError(f"{where}: no joint {name!r}, expected one of {', '.join(names)}")


def next_joint(before: Joint, given: JointLike) -> Joint:
    """The joint after an edit; numbers that did not change keep their exact type.

    Args:
        before: the joint as it was.
        given: a checked `Joint` (taken as it is) or `(x, y, v)` (its source follows).
    """
    if isinstance(given, Joint):
        same = (given.x, given.y, given.v) == (before.x, before.y, before.v)
        return replace(before, source=given.source) if same else given
    x, y, v = given[0], given[1], int(given[2])
    if (x, y, v) == (before.x, before.y, before.v):
        return before
    if v == 0:
        return Joint(0, 0, 0, "removed")
    return Joint(x, y, v, "added" if before.v == 0 else "moved")


def next_state(before: State, edit: Edit) -> State:
    """The state after a checked edit."""
    joints = dict(before.joints)
    for name, given in (edit.joints or {}).items():
        joints[name] = next_joint(joints[name], given)
    chosen: Collection[str] = joints if edit.accept is True else edit.accept or ()
    for name in chosen:
        joint = joints[name]
        if joint.source == "predicted" and joint.v > 0:
            joints[name] = replace(joint, source="accepted")
    box = before.box
    if edit.box is not None and tuple(edit.box) != before.box:
        x, y, w, h = edit.box
        box = (x, y, w, h)
    return State(box, joints, before.deleted if edit.deleted is None else edit.deleted)


def filled_joints(
    before: Mapping[str, Joint], guess: Mapping[str, tuple[float, float, float]], min_confidence: float
) -> dict[str, Joint]:
    """The joints of a person without human joints, after a model's guess.

    Args:
        before: the joints as they are; none is a human's word.
        guess: (x, y, confidence) by name.
        min_confidence: joints below it stay unlabelled.
    """
    joints = {}
    for name, joint in before.items():
        x, y, confidence = guess.get(name, (0.0, 0.0, -math.inf))
        if confidence >= min_confidence:
            joints[name] = Joint(x, y, 2, "predicted")
        else:
            joints[name] = Joint(0, 0, 0, "predicted") if joint.v > 0 else joint
    return joints
