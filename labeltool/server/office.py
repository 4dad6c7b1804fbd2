"""What the routes and the pages work with: the open project, who may come in, and who is labelling."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import HTTPConnection

from labeltool.project import Project
from labeltool.server.access import Access
from labeltool.server.guard import USER
from labeltool.server.photos import PhotoCache
from labeltool.server.predicting import Models
from labeltool.server.settings import default_user, project_id


@dataclass(frozen=True)
class Office:
    """The inside of a label server.

    Attributes:
        project: the open project.
        access: the server's token and what follows from it.
        user: who is labelling; a request's bearer token may name another.
        photos: photos that had to be made ready for browsers.
        models: what fills a box while somebody labels.
    """

    project: Project
    access: Access
    user: str
    photos: PhotoCache = field(default_factory=PhotoCache)
    models: Models = field(default_factory=Models)

    @classmethod
    def open(
        cls, path: Path, token: str | None = None, user: str | None = None, models: Models | None = None
    ) -> Office:
        """The office of the project in a folder.

        Raises:
            ProjectError: the project cannot be opened.
            ServerError: the token cannot be used.
        """
        access = Access.make(token, project_id(path))
        return cls(
            Project.open(path), access, user or default_user(), PhotoCache(folder=path / "cache"), models or Models()
        )

    def author(self, connection: HTTPConnection) -> str:
        """Who signs a change that the guard has let through."""
        name: str = connection.scope[USER]
        return name or self.user

    def close(self) -> None:
        """Lets go of the project and the models."""
        self.models.close()
        self.project.close()


_CURRENT: list[Office] = []


def install(office: Office) -> None:
    """Makes an office the one that this process' pages work with; Streamlit runs one app a process."""
    _CURRENT[:] = [office]


def current() -> Office:
    """The office that this process' pages work with."""
    return _CURRENT[0]
