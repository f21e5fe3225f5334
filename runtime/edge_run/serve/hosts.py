"""Where a server listens, the names by which it may be called, and what it needs to be reached by others."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from edge_run.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?", re.IGNORECASE)


class Hosts:
    """The names by which a server may be called.

    A page that rebinds its own name to this machine (DNS rebinding) has the browser call it by that name. So names are
    refused that nobody has allowed; an address is no name, and cannot be rebound.

    Parameters
    ----------
    listening
        The address on which the server listens.
    names
        Further names that are allowed.
    """

    def __init__(self, listening: str = "127.0.0.1", names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in (*_LOOPBACK_NAMES, listening, *names))
        self._any_address = not is_loopback(listening)

    def allow(self, header: str) -> bool:
        """Whether the value of a header ``Host`` is one of them, with or without a port."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = (found[1] or found[2]).lower()
        return name in self._names or (self._any_address and _address(name) is not None)


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own, which no other can reach."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def require_safe(host: str, *, tls: bool, tokens: bool) -> None:
    """Refuse to listen where others can reach it without encryption or without tokens.

    Parameters
    ----------
    tls
        Whether this server or a proxy before it encrypts.
    tokens
        Whether a token is asked for.

    Raises
    ------
    UsageError
        It is not safe.
    """
    if is_loopback(host):
        return
    if not tls:
        raise UsageError(
            f"on {host} others could read scans and answers on their way: there is no TLS",
            hint="--tls-cert FILE --tls-key FILE; or --behind-proxy ADDRESS of one that encrypts; or --host 127.0.0.1",
        )
    if not tokens:
        raise UsageError(
            f"on {host} anybody who reaches it could ask: there are no tokens",
            hint="edge-run tokens add NAME --scope answer; or --host 127.0.0.1",
        )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
