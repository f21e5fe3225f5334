"""Sessions of the page: an access token opens one, a cookie names it, and it ends when nobody uses it."""

from __future__ import annotations

import secrets
import time
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge_run.serve.tokens import Tokens

COOKIE = "edge_run_session"
IDLE_S = 15 * 60.0
"""A bedside screen is left alone."""
LONGEST_S = 12 * 3600.0
MAX_SESSIONS = 1000


class _Session(NamedTuple):
    secret: str
    opened: float
    used: float


class Sessions:
    """Sessions in memory: a restart ends them all.

    Parameters
    ----------
    tokens
        None where nobody needs to log in.
    clock
        Seconds that never go back.
    """

    def __init__(self, tokens: Tokens | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._clock = tokens, clock
        self._lock, self._sessions = Lock(), dict[str, _Session]()

    @property
    def needed(self) -> bool:
        """Whether a person has to log in."""
        return self._tokens is not None

    def open(self, secret: str) -> str | None:
        """Open a session with a token's secret, and return the cookie's value; None where the token is refused."""
        if not self._is_valid(secret):
            return None
        name, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._sessions = {n: one for n, one in self._sessions.items() if not _over(one, now)}
            while len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda n: self._sessions[n].used)]
            # By its hash: how long a look-up takes then says nothing about the name.
            self._sessions[sha256(name.encode())] = _Session(secret, now, now)
        return name

    def allows(self, request: Request) -> bool:
        """Whether a request may see cases; counts as use of its session."""
        if self._tokens is None:
            return True
        name, now = sha256(request.cookies.get(COOKIE, "").encode()), self._clock()
        with self._lock:
            session = self._sessions.get(name)
            if session is None or _over(session, now):
                self._sessions.pop(name, None)
                return False
            self._sessions[name] = session._replace(used=now)
        # Again each time: a token that was withdrawn or has expired opens nothing more.
        return self._is_valid(session.secret)

    def _is_valid(self, secret: str) -> bool:
        token = self._tokens.check(secret) if self._tokens else None
        return token is not None and token.allows("review")

    def close(self, request: Request) -> None:
        """End the session of a request."""
        with self._lock:
            self._sessions.pop(sha256(request.cookies.get(COOKIE, "").encode()), None)


def set_cookie(response: Response, request: Request, name: str) -> None:
    """Give a browser the cookie of its session, which ends with the browser; no script may read it."""
    response.set_cookie(COOKIE, name, path="/", secure=request.url.scheme == "https", httponly=True, samesite="strict")


def delete_cookie(response: Response) -> None:
    """Let a browser forget its session."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def same_origin(request: Request) -> bool:
    """Whether a form was sent from a page of this server and not from somebody else's.

    Browsers name the origin with every form that is posted; a request that does not say where it comes from is refused.
    """
    return request.headers.get("origin") == f"{request.url.scheme}://{request.headers.get('host', '')}"


def _over(session: _Session, now: float) -> bool:
    return now - session.used > IDLE_S or now - session.opened > LONGEST_S
