"""The door: who comes in, and that nobody holds it shut."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from node_peers import dcmtk, settings, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

from edge_run.node.listener import Bounds, Listener
from edge_run.node.node import Node
from edge_run.node.settings import Peer


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Start a node that receives and answers nothing."""
    with ExitStack() as running:
        yield lambda **changes: running.enter_context(Node(settings(tmp_path, **changes)))


def echo(node: Node, *arguments: str) -> str:
    done = dcmtk("echoscu", "-to", 5, "-ta", 5, *arguments, "-aec", "EDGE-RUN", "127.0.0.1", node.port)
    return "" if done.returncode == 0 else done.stderr


def test_echo_is_answered(start):
    assert echo(start()) == ""


def test_silent_connections_keep_nobody_out_and_take_no_thread(start):
    node = start()
    before = threading.active_count()
    with ExitStack() as connections:
        for _ in range(200):
            connections.enter_context(socket.create_connection(("127.0.0.1", node.port)))
        wait_for(lambda: node.listener.waiting == 200)
        assert threading.active_count() <= before
        assert echo(node) == ""


def test_silent_connections_are_closed_after_a_while_and_counted(start):
    node = start(association_seconds=0.3)
    with ExitStack() as connections:
        for _ in range(3):
            connections.enter_context(socket.create_connection(("127.0.0.1", node.port)))
        wait_for(lambda: node.counters.total("connections", "silent") == 3)
    assert node.listener.waiting == 0


@pytest.mark.parametrize(
    "first",
    [
        struct.pack(">BBL", 1, 0, 2**32 - 1),
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        struct.pack(">BBL", 4, 0, 10) + bytes(10),
    ],
    ids=["4 GiB", "http", "data first"],
)
def test_what_is_no_request_is_closed_at_once(start, first):
    node = start()
    with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
        connection.sendall(first)
        # What it sent is not read, so that the kernel may reset instead of closing.
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    wait_for(lambda: node.counters.total("connections", "malformed") == 1)


def test_request_in_two_pieces_is_complete_in_the_end(start):
    node = start()
    with socket.create_connection(("127.0.0.1", node.port), timeout=5) as connection:
        body = struct.pack(">HH16s16s32s", 1, 0, b"EDGE-RUN".ljust(16), b"SLOW".ljust(16), bytes(32))
        item = b"1.2.840.10008.3.1.1.1"
        body += struct.pack(">BBH", 0x10, 0, len(item)) + item
        whole = struct.pack(">BBL", 1, 0, len(body)) + body
        connection.sendall(whole[:3])
        time.sleep(0.1)
        connection.sendall(whole[3:40])
        time.sleep(0.1)
        connection.sendall(whole[40:])
        # Without a presentation context it is answered, and ended.
        assert connection.recv(1) in (b"\x02", b"\x03", b"\x07")


def test_half_a_request_and_a_close_leaves_nothing_behind(start):
    node = start()
    with socket.create_connection(("127.0.0.1", node.port), timeout=5) as connection:
        connection.sendall(struct.pack(">BBL", 1, 0, 500) + bytes(100))
        time.sleep(0.1)
    wait_for(lambda: node.counters.total("connections", "closed") == 1)


def test_titles_and_addresses_are_checked(start):
    node = start(peers=(Peer("ct", "SCANNER", ("127.0.0.1",)), Peer("far", "FAR", ("10.0.0.0/8",))))
    assert echo(node, "-aet", "SCANNER") == ""
    assert "Calling AE Title Not Recognized" in echo(node, "-aet", "OTHER")
    assert "Calling AE Title Not Recognized" in echo(node, "-aet", "FAR")
    assert "Called AE Title Not Recognized" in dcmtk("echoscu", "-aet", "SCANNER", "127.0.0.1", node.port).stderr
    assert node.counters.of("associations")[("stranger", "address")] == 1
    assert node.counters.of("associations")[("ct", "called-ae")] == 1


def test_one_association_too_many_is_rejected_for_now_and_counted(start):
    from pynetdicom import AE

    node = start(max_associations=2)
    entity = AE("TEST")
    entity.add_requested_context("1.2.840.10008.1.1")
    first = [entity.associate("127.0.0.1", node.port, ae_title="EDGE-RUN") for _ in range(2)]
    try:
        assert "Rejected Transient" in echo(node)
        assert node.counters.total("associations", "associations") == 1
    finally:
        for one in first:
            one.release()
    wait_for(lambda: not node.receiver.open)
    assert echo(node) == ""


def test_rejected_peers_that_do_not_close_keep_nobody_out(start):
    node = start(max_associations=1)
    titles = b"ANOTHER".ljust(16) + b"SOMEBODY".ljust(16) + bytes(32)
    uids = [b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.1.1", b"1.2.840.10008.1.2"]
    context, verification, syntax = (
        struct.pack(">BBH", kind, 0, len(uid)) + uid for kind, uid in zip((0x10, 0x30, 0x40), uids, strict=True)
    )
    proposed = bytes([1, 0, 0, 0]) + verification + syntax
    user = struct.pack(">BBHL", 0x51, 0, 4, 16384)
    body = struct.pack(">HH", 1, 0) + titles + context
    body += struct.pack(">BBH", 0x20, 0, len(proposed)) + proposed + struct.pack(">BBH", 0x50, 0, len(user)) + user
    with ExitStack() as held:
        for _ in range(30):
            one = held.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=20))
            one.sendall(struct.pack(">BBL", 1, 0, len(body)) + body)
            assert one.recv(1) == b"\x03"
        assert echo(node) == ""
        wait_for(lambda: not node.listener.associations)


def test_port_in_use_is_an_error_with_a_hint(start, tmp_path):
    from edge_run.errors import UsageError

    node = start()
    bounds = Bounds(lambda *_: None, 1, lambda: None)
    with pytest.raises(UsageError, match="cannot listen"):
        Listener(settings(tmp_path, port=node.port), bounds, [], node.counters)
