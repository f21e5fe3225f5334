"""What every request must pass, and every response carries: host, origin, token, headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from .refusals import RefusedError, refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from . import tokens
    from .hosts import Hosts

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Middleware: refuses foreign hosts and requests that another site's page makes, and adds `HEADERS`.

    A foreign host is how DNS rebinding reaches a server on loopback; a foreign origin is how a page makes a browser
    post for it.

    Parameters
    ----------
    hosts
        Names by which the server may be called.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        error = self._error(scope["method"], Headers(scope=scope))
        await (refused(error) if error else self._app)(scope, receive, send_with_headers)

    def _error(self, method: str, headers: Headers) -> RefusedError | None:
        host = headers.get("host", "")
        if not self._hosts.allow(host):
            hint = "call it by the name it was started with, or start it with --allow-host NAME"
            return RefusedError(421, "this server does not answer to this Host", hint=hint)
        if method in _READING:
            return None
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return RefusedError(403, "another site's page may not ask this server", hint="ask it from a program")
        return None


class Access:
    """Decides by a request's token what it may do; without tokens all may do all.

    Parameters
    ----------
    known
        The tokens; None: none is asked for.
    """

    def __init__(self, known: tokens.Tokens | None) -> None:
        self.tokens = known

    def require(self, request: Request, *scopes: tokens.Scope) -> tokens.Token | None:
        """Return the token of a request; None where none is asked for.

        Parameters
        ----------
        scopes
            Of which the token must have one; none: any token will do.

        Raises
        ------
        RefusedError
            401: no token, or one that is not known or has expired. 403: it may not do this.
        """
        if self.tokens is None:
            return None
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        token = self.tokens.check(secret.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise RefusedError(
                401, "a token is missing, unknown or expired", hint="send Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": 'Bearer realm="edge-run"'},
            )  # fmt: skip
        if scopes and not any(token.allows(scope) for scope in scopes):
            raise RefusedError(
                403, f"this token may not do this: it needs the scope {' or '.join(scopes)}", hint="edge-run tokens add"
            )
        return token
