"""Sessions: a token opens one, a cookie names it, and it ends."""

from __future__ import annotations

import pytest

from edge_run.serve.page import session
from edge_run.serve.page.session import COOKIE, IDLE_S, LONGEST_S
from edge_run.serve.tokens import Tokens


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def tokens(tmp_path):
    return Tokens(tmp_path / "tokens.json")


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(session.Sessions.__init__, "__defaults__", (found,))
    return found


@pytest.fixture
def logged_in(client, tokens, clock):  # noqa: ARG001 - sessions take this clock
    """A browser with a session."""
    secret = tokens.add("doctor", ["review"])
    browser = client(tokens=tokens)
    assert browser.post("/login", data={"token": secret}).status_code == 303
    return browser


def test_nothing_is_shown_without_a_session(client, tokens, answered):
    browser = client(tokens=tokens)
    for path in (
        "/",
        *(f"/cases/{answered.ids[0]}{rest}" for rest in ("", "/scan.png", "/heatmap.png", "/explanation")),
    ):
        gone = browser.get(path)
        assert (gone.status_code, gone.headers["location"]) == (303, "/login")
        assert answered.ids[0] not in gone.text
    assert browser.post(f"/cases/{answered.ids[0]}/review", data={"verdict": "agree"}).headers["location"] == "/login"


def test_token_with_the_scope_opens_a_session(logged_in):
    assert logged_in.get("/").status_code == 200
    assert logged_in.get("/login").headers["location"] == "/"


def test_cookie_is_out_of_reach_for_scripts_and_other_sites(client, tokens):
    browser = client(tokens=tokens)
    cookie = browser.post("/login", data={"token": tokens.add("a", ["review"])}).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    # The browser forgets it when it closes, and the test speaks HTTP.
    assert not any(part.startswith(("max-age", "expires", "secure")) for part in parts)


def test_cookie_is_secure_with_tls():
    from starlette.requests import Request
    from starlette.responses import Response

    response = Response()
    request = Request({"type": "http", "scheme": "https", "path": "/", "headers": [(b"host", b"box")], "server": None})
    session.set_cookie(response, request, "name")
    assert "secure" in response.headers["set-cookie"].lower()


@pytest.mark.parametrize("scopes", [["answer"], ["metrics"], ["answer", "metrics"]])
def test_token_without_the_scope_opens_none(client, tokens, scopes):
    browser = client(tokens=tokens)
    refused = browser.post("/login", data={"token": tokens.add("a", scopes)})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize("secret", ["", "wrong", "x" * 10_000, "\x00", "ünknown"])
def test_wrong_token_opens_none(client, tokens, secret):
    tokens.add("a", ["review"])
    refused = client(tokens=tokens).post("/login", data={"token": secret})
    assert refused.status_code == 401
    assert "unknown, has expired" in refused.text
    assert secret[:20] not in refused.text or not secret


def test_session_ends_when_nobody_uses_it(logged_in, clock):
    clock.now += IDLE_S - 1
    assert logged_in.get("/").status_code == 200
    clock.now += IDLE_S - 1
    assert logged_in.get("/").status_code == 200
    clock.now += IDLE_S + 1
    assert logged_in.get("/").status_code == 303


def test_session_ends_after_half_a_day_of_use(logged_in, clock):
    for _ in range(int(LONGEST_S / IDLE_S) + 1):
        clock.now += IDLE_S - 1
        logged_in.get("/")
    clock.now += IDLE_S - 1
    assert logged_in.get("/").status_code == 303


def test_session_ends_with_its_token(client, tokens, monkeypatch):
    monkeypatch.setattr("edge_run.serve.tokens.LOOK_EVERY_S", 0.0)
    browser = client(tokens=tokens)
    browser.post("/login", data={"token": tokens.add("a", ["review"])})
    assert browser.get("/").status_code == 200
    Tokens(tokens.path).revoke("a")
    assert browser.get("/").status_code == 303


def test_logging_out_ends_the_session_on_the_server(logged_in):
    cookie = logged_in.cookies[COOKIE]
    gone = logged_in.post("/logout")
    assert gone.headers["location"] == "/login"
    assert logged_in.get("/", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 303


def test_each_login_has_another_cookie(client, tokens):
    secret, browser = tokens.add("a", ["review"]), client(tokens=tokens)
    found = {browser.post("/login", data={"token": secret}).headers["set-cookie"].split(";")[0] for _ in range(3)}
    assert len(found) == 3
    assert all(len(one) > 40 for one in found)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", ""])
@pytest.mark.parametrize("path", ["/login", "/logout", "/cases/{}/review", "/cases/{}/explain"])
def test_form_of_another_site_is_refused(client, answered, origin, path):
    browser = client()
    sent = browser.post(path.format(answered.ids[0]), data={"verdict": "agree"}, headers={"Origin": origin})
    assert sent.status_code == 403


def test_form_that_does_not_say_where_it_comes_from_is_refused(client, answered):
    browser = client()
    del browser.headers["Origin"]
    assert browser.post(f"/cases/{answered.ids[0]}/review", data={"verdict": "agree"}).status_code == 403


def test_no_login_is_asked_for_where_none_is_needed(client):
    browser = client()
    assert browser.get("/").status_code == 200
    assert browser.get("/login").headers["location"] == "/"
    assert "Log out" not in browser.get("/").text
