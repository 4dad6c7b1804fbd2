"""The label server as an ASGI app: the pages and the routes behind the guard, or the routes alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from labeltool.server.guard import LOOPBACK_NAMES, Guard
from labeltool.server.office import Office, install
from labeltool.server.predicting import Models
from labeltool.server.routes import api_routes

#: The script of the pages. Streamlit finds its settings in .streamlit/config.toml beside it.
PAGES = Path(__file__).resolve().parent.parent / "app" / "main.py"


def create_app(
    project_path: Path,
    *,
    token: str | None = None,
    user: str | None = None,
    hosts: Collection[str] | None = LOOPBACK_NAMES,
    models: Models | None = None,
) -> Guard:
    """The whole label server of a project: pages, editor and routes. Streamlit allows one a process.

    Args:
        project_path: the project folder.
        token: the secret of the link; by default a random one (`app.access.token`).
        user: who is labelling; by default the account's name.
        hosts: the names that the server may be asked for by; None for any.
        models: what fills a box while somebody labels; by default the catalog's default model, loaded at the first box.

    Raises:
        ProjectError: the project cannot be opened.
        ServerError: the token cannot be used.
    """
    from streamlit import App

    office = Office.open(Path(project_path), token, user, models)
    install(office)
    app = App(PAGES, routes=api_routes(office), lifespan=_closing(office))
    return Guard(app, office.access, hosts)


def create_api(
    project_path: Path,
    *,
    token: str | None = None,
    user: str | None = None,
    hosts: Collection[str] | None = LOOPBACK_NAMES,
    models: Models | None = None,
) -> Guard:
    """The routes of `create_app` behind the same guard, without the pages: for scripts that need no browser.

    Args and errors are those of `create_app`.
    """
    office = Office.open(Path(project_path), token, user, models)
    app = Starlette(routes=api_routes(office), lifespan=_closing(office))
    return Guard(app, office.access, hosts)


def _closing(office: Office) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        yield
        office.close()

    return lifespan
