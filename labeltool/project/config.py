"""project.toml: what a human may read and edit about a project."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from labeltool.errors import ProjectError, SkeletonError
from labeltool.files import atomic_write
from labeltool.skeleton import BUILT_IN, Skeleton, define, from_mapping, to_mapping

CONFIG_NAME = "project.toml"
DATABASE_NAME = "labels.db"

#: Share of people who are served without a model's help, so that the help can be measured.
DEFAULT_BLIND_SHARE = 0.05

#: An image root is written relative to the project when at most so many steps lead up to a common folder.
_NEAR = 2

_HEADER = """\
# A labeltool project. The labels are in labels.db beside this file; this file may be edited by hand.
# images: the folder that the images' file names start from, relative to this folder or absolute.
# blind_share: share of people who are labelled without a model's help, 0 to 1; chance chooses them (docs/guide/measured-help.md).
# guideline: optional, a Markdown file (relative to this folder or absolute) that the editor shows beside the photo.
# skeleton: names, limbs and sigmas may be edited; the joints and their order belong to the labels.
"""


@dataclass(frozen=True)
class ProjectConfig:
    """What project.toml says.

    Attributes:
        name: the project's name.
        created: UTC time, ISO 8601.
        image_root: the folder that the images' file names start from, absolute.
        skeleton: the joints of the project's people.
        blind_share: share of people who are served without a model's help, 0..1.
        guideline: the project's written guideline, a Markdown file that the editor shows, absolute; or None.
    """

    name: str
    created: str
    image_root: Path
    skeleton: Skeleton
    blind_share: float = DEFAULT_BLIND_SHARE
    guideline: Path | None = None


def read_config(folder: Path) -> ProjectConfig:
    """The configuration of the project in a folder.

    Raises:
        ProjectError: no such folder, no project.toml, or one that is broken.
    """
    path = folder / CONFIG_NAME
    if not folder.is_dir():
        raise ProjectError(f"{folder}: no such project folder")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(f"{folder}: no {CONFIG_NAME} in it, expected a project made by `labeltool init`") from None
    except OSError as error:
        raise ProjectError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ProjectError(f"{path}: not UTF-8 text, expected TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{path}: not TOML: {error}") from None
    return _from_data(data, path, folder)


def write_config(folder: Path, config: ProjectConfig, home: Path | None = None) -> None:
    """Writes project.toml; `home` is where the folder will lie in the end, when it is still being built elsewhere.

    Raises:
        ProjectError: a name or path is no valid Unicode.
        OSError: the folder cannot be written.
    """
    text = _HEADER + _toml(_to_data(config, home or folder))
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise ProjectError(
            f"{folder / CONFIG_NAME}: a name or path is no valid Unicode, and TOML holds no other"
        ) from None
    with atomic_write(folder / CONFIG_NAME) as file:
        file.write(data)


def check_blind_share(share: Any, where: str) -> float:
    """The share of people who are labelled blind, as a float.

    Raises:
        ProjectError: no number from 0 to 1.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ProjectError(f"{where}: blind_share is {share!r}, expected a number from 0 to 1")
    return float(share)


def photo_path(config: ProjectConfig, file_name: str) -> Path:
    """Where a photo lies below the image root (whether or not it is there).

    Raises:
        ProjectError: the file name is absolute or leads out of the image root.
    """
    posix, windows = PurePosixPath(file_name), PureWindowsPath(file_name)
    rooted = posix.is_absolute() or windows.drive or windows.root
    if not file_name or "\0" in file_name or rooted or ".." in posix.parts or ".." in windows.parts:
        raise ProjectError(f"image {file_name!r}: leads out of the image root, expected a path below it")
    return config.image_root / posix


def _from_data(data: Mapping[str, Any], path: Path, folder: Path) -> ProjectConfig:
    name = _text(data, "name", path)
    created = data.get("created", "")
    if isinstance(created, datetime):
        created = created.isoformat()
    if not isinstance(created, str):
        raise ProjectError(f"{path}: created is {created!r}, expected a time")
    images = _text(data, "images", path)
    share = check_blind_share(data.get("blind_share", DEFAULT_BLIND_SHARE), str(path))
    tables = data.get("skeleton")
    if not isinstance(tables, dict):
        raise ProjectError(f"{path}: no table [skeleton], expected the joints of the project")
    try:
        skeleton = _known(from_mapping(tables))
    except SkeletonError as error:
        raise ProjectError(f"{path}: skeleton: {error}") from None
    root = Path(os.path.normpath(folder.absolute() / images))
    guideline = None
    if "guideline" in data:
        guideline = Path(os.path.normpath(folder.absolute() / _text(data, "guideline", path)))
    return ProjectConfig(name, created, root, skeleton, share, guideline)


def _text(data: Mapping[str, Any], key: str, path: Path) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        what = "is missing" if value is None else f"is {value!r}"
        raise ProjectError(f"{path}: {key} {what}, expected a text")
    return value


def _known(skeleton: Skeleton) -> Skeleton:
    """The built-in skeleton when the tables describe just that one, with the sources of its sigmas."""
    for built_in in BUILT_IN.values():
        if replace(skeleton, sigma_sources=built_in.sigma_sources) == built_in:
            return built_in
    return skeleton


def _to_data(config: ProjectConfig, home: Path) -> dict[str, Any]:
    return {
        "name": config.name,
        "created": config.created,
        "images": _written_root(config.image_root, home),
        "blind_share": config.blind_share,
        **({} if config.guideline is None else {"guideline": _written_root(config.guideline, home)}),
        "skeleton": _skeleton_tables(config.skeleton),
    }


def _skeleton_tables(skeleton: Skeleton) -> dict[str, Any]:
    """The tables of a skeleton; sigmas that follow from the joints' names are left out, so that they keep their sources."""
    data = to_mapping(skeleton)
    del data["sigmas"], data["sigma_source"]
    usual = define(skeleton.name, skeleton.joints)
    pairs = list(zip(skeleton.sigmas, skeleton.sigma_sources, strict=True))
    known = zip(usual.sigmas, usual.sigma_sources, strict=True)
    own = {joint: pair for joint, pair, other in zip(skeleton.joints, pairs, known, strict=True) if pair != other}
    if own:
        data["sigma_source"] = {joint: source for joint, (_, source) in own.items()}
        data["sigmas"] = {joint: sigma for joint, (sigma, _) in own.items()}
    return data


def _written_root(root: Path, home: Path) -> str:
    root, home = Path(os.path.abspath(root)), Path(os.path.abspath(home))
    try:
        relative = Path(os.path.relpath(root, home))
    except ValueError:  # another drive
        return str(root)
    steps_up = relative.parts.count("..")
    common = os.path.commonpath([root, home])
    if steps_up > _NEAR or Path(common) == Path(home.anchor):
        return str(root)
    return relative.as_posix()


def _toml(data: Mapping[str, Any], table: str = "") -> str:
    """The TOML text of strings, numbers, lists of these, and tables of these."""
    lines = [f"[{table}]"] if table else []
    tables = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            tables.append(_toml(value, f"{table}.{_key(key)}" if table else _key(key)))
        elif isinstance(value, list) and value:
            lines += [f"{_key(key)} = [", *(f"  {_value(item)}," for item in value), "]"]
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return "\n".join([*lines, ""]) + "".join("\n" + text for text in tables)


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _string(value) if isinstance(value, str) else repr(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
