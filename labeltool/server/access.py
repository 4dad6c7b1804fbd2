"""Who may come in: the server's token, the cookie that stands for it, and the short-lived tokens that the pages hand out.

- The **token** is in the link that `labeltool serve` prints. Whoever has it may label.
- Opening the link sets a **cookie**, which opens the pages and everything that can be read.
- A page hands its editor a signed **bearer token** for a quarter of an hour; only with one (or with the server's token itself)
  can anything be changed, so that a foreign page that makes a browser send the cookie changes nothing.

All three follow from the token alone: with a fixed token, cookies stay good when the server starts again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from labeltool.errors import ServerError

#: Seconds that a bearer token is good for; the editor fetches a new one before its edits would be lost.
BEARER_SECONDS = 15 * 60

#: Characters of a token that was not given.
_RANDOM_BYTES = 32


class AccessDenied(Exception):
    """A bearer token that is no good; the text says why, and nothing else."""


@dataclass(frozen=True)
class Access:
    """The one secret of a running server, and what follows from it.

    Attributes:
        token: the secret; whoever has it may come in.
        project: the project's id, which cookies and bearer tokens are bound to.
    """

    token: str
    project: str

    @classmethod
    def make(cls, token: str | None, project: str) -> Access:
        """Access by the given token, or by a random one.

        Raises:
            ServerError: an empty token, or one with spaces or signs that a link cannot hold as they are.
        """
        if token is None:
            token = secrets.token_urlsafe(_RANDOM_BYTES)
        if not token or not all(sign.isascii() and (sign.isalnum() or sign in "-._~") for sign in token):
            raise ServerError(
                "the token is empty or has other signs than letters, digits, and - . _ ~, which a link needs"
            )
        return cls(token, project)

    def is_token(self, text: str) -> bool:
        """Whether the text is the server's token; takes the same time whatever it is."""
        return hmac.compare_digest(text.encode(), self.token.encode())

    @property
    def cookie(self) -> str:
        """The cookie's value."""
        return self._derive("cookie")

    def is_cookie(self, text: str) -> bool:
        """Whether the text is the cookie's value; takes the same time whatever it is."""
        return hmac.compare_digest(text.encode(), self.cookie.encode())

    def mint(self, user: str) -> str:
        """A bearer token that says who edits."""
        return self._serializer().dumps({"user": user, "project": self.project})

    def user_of(self, bearer: str) -> str:
        """The user whom a bearer token was minted for.

        Raises:
            AccessDenied: it is no bearer token of this server, or it has expired.
        """
        try:
            claims = self._serializer().loads(bearer, max_age=BEARER_SECONDS)
        except SignatureExpired:
            raise AccessDenied("the bearer token has expired") from None
        except BadData:
            raise AccessDenied("the bearer token is not one of this server") from None
        if (
            not isinstance(claims, dict)
            or claims.get("project") != self.project
            or not isinstance(claims.get("user"), str)
        ):
            raise AccessDenied("the bearer token is not for this project")
        user: str = claims["user"]
        return user

    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._derive("bearer"), salt="labeltool")

    def _derive(self, purpose: str) -> str:
        message = f"labeltool {purpose} {self.project}".encode()
        return hmac.new(self.token.encode(), message, hashlib.sha256).hexdigest()
