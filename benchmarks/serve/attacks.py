"""The attacks: each takes a server, and returns what became of it and whether the server did what it should."""

from __future__ import annotations

import gzip
import io
import socket
import struct
import threading
import time
import zipfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from edge_run.serve.connections import HEAD_S
from edge_run.serve.oip.messages import HEADER_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Server

    Attack = Callable[[Server], tuple[str, bool]]

_POST = b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\n"
_IDLE = 10_000


def send(server: Server, data: bytes, seconds: float = 90.0) -> str:
    """Send raw bytes, and return the status that came back; ``closed`` where the connection was closed without one."""
    with socket.create_connection((server.host, server.port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            answer = connection.recv(1000)
        except TimeoutError:
            return "nothing"
        except OSError:
            return "closed"
    return answer.split()[1].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"


def refused(server: Server, requests: list[bytes]) -> tuple[str, bool]:
    """Send requests of which each must be refused with a status of 4xx or a closed connection."""
    found = Counter(send(server, one) for one in requests)
    return said(found), all(status == "closed" or status.startswith("4") for status in found)


def said(found: Counter[str]) -> str:
    """Write counts of statuses."""
    return ", ".join(f"{count} x {status}" for status, count in sorted(found.items()))


def idle_connections(server: Server) -> tuple[str, bool]:
    """Open ten thousand connections that say nothing."""
    opened: list[socket.socket] = []
    try:
        while len(opened) < _IDLE:
            opened.append(socket.create_connection((server.host, server.port), timeout=30))
        most = server.usage().files
        time.sleep(HEAD_S + 2)
        left = server.usage().files
    finally:
        for one in opened:
            one.close()
    return f"{len(opened)} opened, {most} files at most, {left} after {HEAD_S + 2:g} s", most < 1000 and left < 100


def slow_heads(server: Server) -> tuple[str, bool]:
    """Send one byte of a head each second, from 200 connections."""
    begin, ends = time.monotonic(), []

    def drip() -> None:
        with socket.create_connection((server.host, server.port), timeout=30) as connection:
            for byte in _POST * 10:
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    break
                time.sleep(1)
        ends.append(time.monotonic() - begin)

    _together(drip, 200)
    return f"closed after {max(ends):.0f} s at the latest", max(ends) < HEAD_S + 5


def slow_bodies(server: Server) -> tuple[str, bool]:
    """Announce a mebibyte and send one byte each second, from 100 connections."""
    found: list[str] = []

    def drip() -> None:
        with socket.create_connection((server.host, server.port), timeout=90) as connection:
            connection.sendall(_POST + b"Content-Length: 1048576\r\n\r\n")
            connection.settimeout(1)
            for _ in range(90):
                try:
                    connection.sendall(b"x")
                    answer = connection.recv(100)
                except TimeoutError:
                    continue
                except OSError:
                    break
                found.append(answer.split()[1].decode() if answer else "closed")
                return
            found.append("closed")

    _together(drip, 100)
    return said(Counter(found)), Counter(found) == {"408": 100}


def wrong_lengths(server: Server) -> tuple[str, bool]:
    """Send lengths that are negative, no numbers, two, too large, or beside chunks: also request smuggling."""
    heads = [
        b"Content-Length: -1", b"Content-Length: x", b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: 1, 2",
        b"Content-Length: 99999999999999999999999", b"Content-Length: 107374182400", b"Content-Length: +5",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: x", b"Transfer-Encoding : chunked", b"Content-Length: 0x10", b"Content-Length: 0",
    ]  # fmt: skip
    chunks = [b"FFFFFFFFFFFFFFFFFF\r\n", b"-1\r\n", b"x\r\n", b"5\r\nabcdefgh\r\n"]
    requests = [_POST + head + b"\r\n\r\n" + b"0\r\n\r\n" for head in heads]
    requests += [_POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk for chunk in chunks]
    return refused(server, requests)


def large_bodies(server: Server) -> tuple[str, bool]:
    """Send 100 MiB without saying so, from ten connections at once."""
    found: list[str] = []
    chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"

    def stream() -> None:
        found.append(send(server, _POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100 + b"0\r\n\r\n"))

    _together(stream, 10)
    return said(Counter(found)), set(found) <= {"408", "413", "429", "closed"}


def huge_heads(server: Server) -> tuple[str, bool]:
    """Send a header of a mebibyte, ten thousand headers, and a target of a mebibyte."""
    large = b"x" * 2**20
    many = b"".join(b"X-%d: y\r\n" % n for n in range(10_000))
    requests = [_POST + b"X: " + large + b"\r\n\r\n", _POST + many + b"\r\n", b"GET /" + large + b" HTTP/1.1\r\n\r\n"]
    return refused(server, requests)


def injections(server: Server) -> tuple[str, bool]:
    """Try to leave folders by the path, and to add headers by what is written back."""
    paths = [
        "/v1/cases/../../etc/passwd", "/v1/cases/..%2f..%2fetc%2fpasswd", "/v1/cases/%2e%2e/heatmap.png",
        "/v1/cases/%00", "/static/../../../etc/passwd", "/static/..%2f..%2fsession.py", "//etc/passwd",
        "/v1/cases/x%0d%0aSet-Cookie:%20a=b", "/v2/models/x%0d%0aX: y/infer", "/v1/cases/'%20OR%201=1--",
        "/v1/cases/*", "/v2/models/../../v1/bundle/ready", "/case/..%2f..%2fetc", "/v1/scans/%ff",
    ]  # fmt: skip
    requests = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths]
    heads = [b"X: a\0b", b"X: a\rb", b"X\n: a", b": a", b"X Y: a", b"Idempotency-Key: \xff\xff"]
    requests += [_POST + head + b"\r\nContent-Length: 1\r\n\r\nx" for head in heads]
    requests += [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"\x16\x03\x01\0\xa5\x01"]
    found = [(one, send(server, one, 15)) for one in requests]
    good = all(status == "closed" or status[0] == "4" for _, status in found)
    return said(Counter(status for _, status in found)), good


def malformed_forms(server: Server) -> tuple[str, bool]:
    """Send forms that are cut, have no boundary, thousands of parts, or parts that never end."""
    kind = b"Content-Type: multipart/form-data"
    part = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\nx\r\n'
    bodies = [
        (kind, part + b"--b--"), (kind + b"; boundary=", part), (kind + b"; boundary=b", part * 5000 + b"--b--"),
        (kind + b"; boundary=b", part[:40]), (kind + b"; boundary=b", b"--b\r\n" + b"X: y\r\n" * 10_000),
        (kind + b"; boundary=b", b"--b\r\nContent-Disposition: " + b"x" * 100_000 + b"\r\n\r\n"),
        (kind + b"; boundary=" + b"b" * 20_000, b"--" + b"b" * 20_000), (kind + b"; boundary=b", b"\xff" * 100_000),
        (kind + b"; boundary=b; boundary=c", b""), (kind + b"; boundary=b", b"--b--"),
        (kind + b"; boundary=b; charset=none", b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--"),
    ]  # fmt: skip
    requests = [_POST + head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body for head, body in bodies]
    return refused(server, requests)


def bombs(server: Server) -> tuple[str, bool]:
    """Send what becomes far larger: pictures of a few kilobytes, deflated DICOM, archives, compressed bodies."""
    zeros = zlib.compress(b"\0" * 2**28, 9)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.png", b"\0" * 2**26)
    scans = [
        _png(60_000, 60_000, zeros),
        _png(2**31 - 1, 2**31 - 1, zeros),
        _png(1000, 1000, zeros),
        archive.getvalue(),
    ]
    scans += [_deflated_dicom(zeros[2:-4])]
    requests = [_POST + b"Content-Length: %d\r\n\r\n" % len(scan) + scan for scan in scans]
    packed = gzip.compress(b"\0" * 2**26)
    requests.append(_POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    deep = b"[" * 2**20
    infer = b"POST /v2/models/ct-covid/infer HTTP/1.1\r\nHost: localhost\r\n"
    requests.append(infer + b"Content-Length: %d\r\n\r\n" % len(deep) + deep)
    shape = b'{"inputs": [{"name": "scan", "datatype": "UINT8", "shape": [99999999999, 1, 224, 224], "data": [0]}]}'
    requests.append(infer + b"Content-Length: %d\r\n\r\n" % len(shape) + shape)
    length = HEADER_LENGTH.encode() + b": " + b"9" * 5000
    requests.append(infer + length + b"\r\nContent-Length: %d\r\n\r\n" % len(shape) + shape)
    return refused(server, requests)


def floods(server: Server) -> tuple[str, bool]:
    """Ask from 100 connections at once, and leave half of them before the answer."""
    scan = b"no scan, but it waits for its turn"
    found: list[str] = []

    def ask() -> None:
        request = _POST + b"Content-Length: %d\r\n\r\n" % len(scan) + scan
        for number in range(20):
            if number % 2:
                with socket.create_connection((server.host, server.port), timeout=30) as connection:
                    connection.sendall(request)
            else:
                found.append(send(server, request))

    _together(ask, 100)
    return said(Counter(found)), set(found) <= {"422", "429"}


def _together(work: Callable[[], None], times: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _deflated_dicom(data: bytes) -> bytes:
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = b"\x02\0\x10\0UI" + struct.pack("<H", len(syntax)) + syntax
    length = b"\x02\0\0\0UL" + struct.pack("<HI", 4, len(meta))
    return b"\0" * 128 + b"DICM" + length + meta + data


ATTACKS: dict[str, Attack] = {
    "idle connections": idle_connections,
    "slow heads": slow_heads,
    "slow bodies": slow_bodies,
    "wrong lengths": wrong_lengths,
    "large bodies": large_bodies,
    "huge heads": huge_heads,
    "injections": injections,
    "malformed forms": malformed_forms,
    "bombs": bombs,
    "floods": floods,
}
