from __future__ import annotations

import pytest
from itsdangerous import URLSafeTimedSerializer

from labeltool.errors import ServerError
from labeltool.server import access as module
from labeltool.server.access import Access, AccessDenied


def test_a_random_token_is_long_and_new_every_time() -> None:
    tokens = {Access.make(None, "p").token for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 43 for token in tokens)


@pytest.mark.parametrize("token", ["", " ", "a b", "a/b", "a?b", "tökén", "a\nb"])
def test_a_token_that_a_link_cannot_hold_is_refused(token: str) -> None:
    with pytest.raises(ServerError, match="the token is empty or has other signs"):
        Access.make(token, "p")


def test_token_and_cookie_are_known_and_nothing_else_is() -> None:
    access = Access.make("secret-token", "p")
    assert access.is_token("secret-token")
    assert access.is_cookie(access.cookie)
    for other in ("", "secret-toke", "secret-token ", "ß", access.cookie):
        assert not access.is_token(other)
    for other in ("", "secret-token", access.cookie[:-1], Access.make("other", "p").cookie):
        assert not access.is_cookie(other)


def test_the_cookie_does_not_hold_the_token_and_outlives_a_restart_with_the_same_one() -> None:
    first, second = Access.make("secret-token", "p"), Access.make("secret-token", "p")
    assert "secret" not in first.cookie
    assert first.cookie == second.cookie
    assert first.cookie != Access.make("secret-token", "another project").cookie


def test_a_bearer_token_names_its_user() -> None:
    access = Access.make(None, "p")
    assert access.user_of(access.mint("anna")) == "anna"
    assert access.token not in access.mint("anna")


def test_a_bearer_token_is_good_for_one_server_and_project_only() -> None:
    access = Access.make("t", "p")
    for other in (Access.make("u", "p"), Access.make("t", "q")):
        with pytest.raises(AccessDenied, match="not one of this server"):
            access.user_of(other.mint("anna"))
    for forged in (
        "",
        "a.b.c",
        access.mint("anna")[:-2],
        access.mint("anna") + "x",
        URLSafeTimedSerializer("k").dumps({}),
    ):
        with pytest.raises(AccessDenied):
            access.user_of(forged)


def test_a_bearer_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access.make("t", "p")
    bearer = access.mint("anna")
    monkeypatch.setattr(module, "BEARER_SECONDS", -1)
    with pytest.raises(AccessDenied, match="has expired"):
        access.user_of(bearer)
