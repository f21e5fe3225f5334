"""DICOMweb: store objects by STOW-RS and look them up by QIDO-RS (PS3.18), with the standard library alone."""

from __future__ import annotations

import http.client
import json
import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from edge_run.errors import InputError

from .delivery import Delivery, all_of
from .statuses import Outcome, http_outcome, outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outbox import Sending
    from .settings import Destination

_SECONDS = 60.0
_MOST_ANSWER = 2**24
_STORED, _FAILED = "00081199", "00081198"
_INSTANCE, _REASON = "00081155", "00081197"


def store(destination: Destination, batch: Sequence[Sending]) -> dict[str, Delivery]:
    """Store objects in one request, and return what became of each by SOP Instance UID.

    The request has a Content-Length: of a chunked one some archives have stored nothing and answered 200.
    """
    uids = [one.sop_uid for one in batch]
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    try:
        parts = b"".join(head + one.path.read_bytes() + b"\r\n" for one in batch)
        status, body = request(
            destination,
            "POST",
            f"{destination.url}/studies",
            parts + f"--{boundary}--\r\n".encode(),
            {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'},
        )
    except (OSError, http.client.HTTPException, InputError) as error:
        return all_of(uids, Outcome.TRANSIENT, f"no answer: {type(error).__name__}")
    said = _document(body)
    stored = {_value(item, _INSTANCE): Outcome.STORED for item in _items(said, _STORED)}
    refused = {_value(item, _INSTANCE): _value(item, _REASON) for item in _items(said, _FAILED)}
    return {uid: _delivery(uid, status, stored, refused) for uid in uids}


def has(destination: Destination, sop_uid: str) -> Delivery:
    """Look an object up (QIDO-RS)."""
    url = f"{destination.qido_url or destination.url}/instances?SOPInstanceUID={quote(sop_uid)}"
    try:
        status, body = request(destination, "GET", url)
    except (OSError, http.client.HTTPException, InputError) as error:
        return Delivery(Outcome.TRANSIENT, f"not looked up: {type(error).__name__}")
    found = _document(body)
    if status == 200 and isinstance(found, list) and any(_value(one, "00080018") == sop_uid for one in found):
        return Delivery(Outcome.STORED, "found in the archive")
    return Delivery(Outcome.TRANSIENT, f"not found in the archive (HTTP {status})")


def request(
    destination: Destination, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Make one request; redirects are not followed.

    Raises
    ------
    OSError, http.client.HTTPException
        There is no answer.
    InputError
        The answer is larger than 16 MiB.
    """
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    with closing(connection_to(destination, url)) as connection:
        connection.request(method, target, body, headers_of(destination) | (headers or {}))
        answer = connection.getresponse()
        content = answer.read(_MOST_ANSWER + 1)
    if len(content) > _MOST_ANSWER:
        raise InputError("an archive's answer is larger than 16 MiB.")
    return answer.status, content


def connection_to(destination: Destination, url: str) -> http.client.HTTPConnection:
    """Return a connection to the server of an address, which is opened by the first request."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    from .listener import client_context
    from .settings import Tls

    context = client_context(destination.tls or Tls())
    return http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS, context=context)


def headers_of(destination: Destination) -> dict[str, str]:
    """Return the headers of every request."""
    wanted = {"Accept": "application/dicom+json"}
    if not destination.token_file:
        return wanted
    # Read each time: tokens are renewed.
    token = Path(destination.token_file).read_text(encoding="ascii").strip()
    return wanted | {"Authorization": f"Bearer {token}"}


def _delivery(uid: str, status: int, stored: dict[str, Outcome], refused: dict[str, str]) -> Delivery:
    if uid in stored:
        return Delivery(Outcome.STORED, f"HTTP {status}")
    if uid in refused:
        code = int(refused[uid]) if refused[uid].isdigit() else None
        return Delivery(outcome_of(code or None), f"refused: {code or 0:04X}")
    outcome = http_outcome(status)
    if outcome is Outcome.STORED:
        # A success that does not name the object is none.
        return Delivery(Outcome.TRANSIENT, f"HTTP {status}, but the object is not named as stored")
    return Delivery(outcome, f"HTTP {status}")


def _document(body: bytes) -> Any:  # noqa: ANN401 - whatever an archive says
    try:
        return json.loads(body)
    except ValueError:
        return None


def _items(document: object, tag: str) -> list[Any]:
    found = document.get(tag) if isinstance(document, dict) else None
    values = found.get("Value") if isinstance(found, dict) else None
    return values if isinstance(values, list) else []


def _value(item: object, tag: str) -> str:
    found = item.get(tag) if isinstance(item, dict) else None
    values = found.get("Value") if isinstance(found, dict) else None
    return str(values[0]) if isinstance(values, list) and values else ""
