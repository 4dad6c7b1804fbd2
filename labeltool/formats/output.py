"""Writing what an exporter made, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from labeltool.errors import FormatError, PhotoError
from labeltool.files import packed_write
from labeltool.images import photo_below


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 text file, whole or not at all.

    Raises:
        FormatError: the file cannot be written.
    """
    try:
        with packed_write(Path(path)) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: cannot be written: {error.strerror or error}") from None


@contextmanager
def folder_output(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` when the block ends well; until then it has another name beside it.

    Raises:
        FormatError: `out` exists and is no empty folder, or cannot be written.
    """
    out = Path(out)
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise FormatError(f"{out}: exists and is not empty, expected a new folder")
        temporary = Path(tempfile.mkdtemp(dir=out.absolute().parent, prefix=f".{out.name}.", suffix=".part"))
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o777 & ~umask)
            os.replace(temporary, out)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise FormatError(f"{out}: cannot be written: {error.strerror or error}") from None


def side_file(file_name: str, suffix: str) -> PurePosixPath:
    """The path of a file beside a photo's place: `a/b.jpg` with `.txt` is `a/b.txt`.

    Raises:
        FormatError: the photo's name is absolute or climbs out of its folder.
    """
    try:
        photo_below(Path("."), file_name)
    except PhotoError as error:
        raise FormatError(str(error)) from None
    return PurePosixPath(file_name.replace("\\", "/")).with_suffix(suffix)
