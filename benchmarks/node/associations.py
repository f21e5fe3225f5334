"""Thousands of associations, one after another, and the memory of the node meanwhile."""

from __future__ import annotations

import socket
import struct
import tempfile
import time
from pathlib import Path

from .process import TITLE, free_port, running

_UIDS = {"context": b"1.2.840.10008.3.1.1.1", "verification": b"1.2.840.10008.1.1", "implicit": b"1.2.840.10008.1.2"}
ALLOWED_MIB = 8.0
"""What memory may grow from the first tenth to the end: the noise of the allocator."""


def associations(count: int, bundle: str) -> bool:
    """Associate, echo and release; True where memory is flat after the first tenth."""
    with (
        tempfile.TemporaryDirectory(prefix="edge-run-associations-") as name,
        running(Path(name) / "node", free_port(), "--bundle", bundle) as node,
    ):
        begin, first, last = time.perf_counter(), 0.0, 0.0
        for number in range(1, count + 1):
            _associate(node.port)
            if number % max(1, count // 10) == 0:
                last = node.status("VmRSS") / 1024
                first = first or last
                print(f"{number:6} associations: {last:.1f} MiB, {node.status('Threads')} threads", flush=True)
        seconds = time.perf_counter() - begin
    print(f"{count} associations in {seconds:.0f} s, memory {last - first:+.1f} MiB since the first tenth")
    return last - first < ALLOWED_MIB


def _associate(port: int) -> None:
    """Associate, send C-ECHO and release, in the bytes of PS3.8 9.3 and PS3.7 9.3.5."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(_request())
        _read(peer, 2)
        peer.sendall(_echo())
        _read(peer, 4)
        peer.sendall(struct.pack(">BBLL", 5, 0, 4, 0))
        _read(peer, 6)


def _read(peer: socket.socket, wanted: int) -> None:
    head = _exactly(peer, 6)
    _exactly(peer, struct.unpack(">L", head[2:])[0])
    if head[0] != wanted:
        raise SystemExit(f"the node answered with a PDU of type {head[0]}, not {wanted}")


def _exactly(peer: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = peer.recv(length - len(found))
        if not piece:
            raise SystemExit("the node closed the connection")
        found += piece
    return found


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(content)) + content


def _request() -> bytes:
    proposed = bytes([1, 0, 0, 0]) + _item(0x30, _UIDS["verification"]) + _item(0x40, _UIDS["implicit"])
    user = _item(0x51, struct.pack(">L", 16384)) + _item(0x52, b"2.25.1")
    titles = TITLE.encode().ljust(16) + b"BENCHMARK".ljust(16) + bytes(32)
    body = struct.pack(">HH", 1, 0) + titles + _item(0x10, _UIDS["context"]) + _item(0x20, proposed) + _item(0x50, user)
    return struct.pack(">BBL", 1, 0, len(body)) + body


def _echo() -> bytes:
    def element(number: int, value: bytes) -> bytes:
        return struct.pack("<HHL", 0, number, len(value)) + value

    verification = _UIDS["verification"] + b"\0" * (len(_UIDS["verification"]) % 2)
    command = element(0x0002, verification) + element(0x0100, struct.pack("<H", 0x0030))
    command += element(0x0110, struct.pack("<H", 1)) + element(0x0800, struct.pack("<H", 0x0101))
    command = element(0x0000, struct.pack("<L", len(command))) + command
    value = struct.pack(">LBB", len(command) + 2, 1, 3) + command
    return struct.pack(">BBL", 4, 0, len(value)) + value
