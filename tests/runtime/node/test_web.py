"""STOW-RS and QIDO-RS against a server that answers as archives do."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from edge_run.node import web
from edge_run.node.outbox import QUEUED, Sending
from edge_run.node.settings import Destination
from edge_run.node.statuses import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UID, OTHER = "2.25.1", "2.25.2"


class Seen:
    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []


@contextmanager
def server(status: int, answer: Any) -> Iterator[tuple[Destination, Seen]]:
    """Answer every request so, and keep what was asked."""
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.requests.append((self.command, self.path, dict(self.headers), body))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield Destination("web", url=f"http://127.0.0.1:{running.server_address[1]}/dicom-web"), seen
    finally:
        running.shutdown()
        running.server_close()


@pytest.fixture
def batch(tmp_path: Path) -> list[Sending]:
    for uid in (UID, OTHER):
        (tmp_path / uid).write_bytes(f"object {uid}".encode())
    return [Sending(uid, "1.2", tmp_path / uid, 0, QUEUED, None) for uid in (UID, OTHER)]


def items(tag: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {tag: {"vr": "SQ", "Value": list(values)}}


def named(uid: str, reason: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
    return found if reason is None else found | {"00081197": {"vr": "US", "Value": [reason]}}


def test_request_has_a_length_and_every_object(batch):
    with server(200, items("00081199", named(UID), named(OTHER))) as (destination, seen):
        found = web.store(destination, batch)
    assert {delivery.outcome for delivery in found.values()} == {Outcome.STORED}
    ((command, path, headers, body),) = seen.requests
    assert (command, path) == ("POST", "/dicom-web/studies")
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert body.count(b"Content-Type: application/dicom\r\n\r\nobject") == 2


def test_each_object_has_its_own_outcome(batch):
    answer = items("00081199", named(UID)) | items("00081198", named(OTHER, 0xA900))
    with server(202, answer) as (destination, _):
        found = web.store(destination, batch)
    assert found[UID].is_stored
    assert found[OTHER] == (Outcome.PERMANENT, "refused: A900")


def test_success_that_names_nothing_is_none(batch):
    with server(200, b"") as (destination, _):
        found = web.store(destination, batch)
    assert found[UID].outcome is Outcome.TRANSIENT


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(503, Outcome.TRANSIENT), (429, Outcome.TRANSIENT), (401, Outcome.PERMANENT), (415, Outcome.PERMANENT)],
)
def test_statuses_that_pass_are_told_from_those_that_do_not(batch, status, outcome):
    with server(status, b"no") as (destination, _):
        assert web.store(destination, batch)[UID].outcome is outcome


def test_nobody_there_is_transient(batch):
    found = web.store(Destination("web", url="http://127.0.0.1:9/dicom-web"), batch)
    assert found[UID].outcome is Outcome.TRANSIENT


def test_token_is_read_for_each_request(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("first\n")
    with server(200, []) as (destination, seen):
        given = Destination("web", url=destination.url, token_file=str(token))
        web.has(given, UID)
        token.write_text("second\n")
        web.has(given, UID)
    assert [headers["Authorization"] for _, _, headers, _ in seen.requests] == ["Bearer first", "Bearer second"]


def test_object_is_delivered_when_it_is_found():
    with server(200, [{"00080018": {"vr": "UI", "Value": [UID]}}]) as (destination, seen):
        assert web.has(destination, UID).is_stored
        assert not web.has(destination, OTHER).is_stored
    assert seen.requests[0][1] == f"/dicom-web/instances?SOPInstanceUID={UID}"
