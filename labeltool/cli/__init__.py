"""The command line: one function a command, which parses, calls and prints.

Heavy packages are imported inside the command that needs them, so that `labeltool --help` stays quick.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from labeltool import __version__
from labeltool.cli import (
    agreeing,
    data,
    datasets,
    exploring,
    importing,
    measuring,
    models,
    projects,
    snapshots,
    suspecting,
    training,
)
from labeltool.errors import LabeltoolError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="labeltool")
def cli() -> None:
    """Human-pose keypoint data you can trust: pre-fill, label, validate, export and audit COCO keypoints.

    A project is a folder that remembers the labels of a set of photos; P stands for its path.
    """


for _command in (
    projects.init,
    importing.import_,
    projects.prefill,
    projects.serve,
    projects.status,
    projects.export,
    snapshots.snapshot,
    projects.demo,
    measuring.validate,
    measuring.audit,
    agreeing.agreement,
    exploring.explore,
    data.convert,
    datasets.split,
    datasets.merge,
    datasets.filter_,
    datasets.diff,
    datasets.stats,
    suspecting.suspects,
    models.models,
    training.train,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command; errors of labeltool and of the system are one line on standard error and exit 1, misuse exits 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Pillow warns of damaged EXIF; the photo can be used all the same
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\b")
    try:
        cli.main(args=arguments, prog_name="labeltool", standalone_mode=False)
    except click.exceptions.Abort:
        _fail("stopped", 130)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except LabeltoolError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        # the reader of our output went away (head, less): not an error of this side
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(_said_of(error), 1)
    except MemoryError:
        _fail("not enough memory", 1)
    sys.exit(0)


def _said_of(error: OSError) -> str:
    if error.filename is None:
        return error.strerror or str(error)
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        # the system names what cannot be made, and not the file that is in the way
        path = Path(os.fsdecode(error.filename))
        there = next((part for part in (path, *path.parents) if part.exists()), path)
        if there.is_file():
            return f"{there}: is a file, expected a folder"
    return f"{error.filename}: {error.strerror or error}"


def _fail(message: str, status: int) -> NoReturn:
    click.echo("labeltool: " + " ".join(message.splitlines()), err=True)
    sys.exit(status)
