"""Slow and wrong requests, while an honest client asks on: it must be answered, and the server must stay whole.

During each attack the answers of an honest client are counted; it waits for as long as Retry-After says where the
server is busy. An attack is repelled where the server refuses it, still answers the honest client, and keeps whole.
"""

from __future__ import annotations

import http.client
import resource
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .attacks import ATTACKS
from .server import Server

if TYPE_CHECKING:
    import argparse

    from typing_extensions import Self

MOST_MIB = 400
"""By how much the memory may have grown after all attacks, in which buffers were filled once."""


def options(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("--bundle", default="ct-covid")
    parser.add_argument("--scan", type=Path, default=Path("samples/ct.png"))
    parser.add_argument("--only", choices=sorted(ATTACKS), help="run one attack")


class Honest:
    """A client that asks, each time with a connection of its own, until the block ends.

    Attributes
    ----------
    answered, told_to_wait, failed
        Its requests by what became of them.
    slowest
        Seconds of its slowest answer.
    reasons
        What came in place of answers.
    """

    def __init__(self, server: Server, scan: bytes) -> None:
        self._server, self._scan, self._end = server, scan, threading.Event()
        self.answered = self.told_to_wait = self.failed = 0
        self.slowest = 0.0
        self.reasons: list[str] = []
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._end.is_set():
            begin, pause = time.perf_counter(), 0.05
            connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=60)
            status, why = 0, ""
            try:
                connection.request("POST", "/v1/scans", self._scan)
                response = connection.getresponse()
                response.read()
                status = response.status
                pause = float(response.headers.get("Retry-After", pause))
            except (OSError, http.client.HTTPException) as error:
                why = type(error).__name__
            connection.close()
            self.answered += status == 200
            self.told_to_wait += status == 429
            if status not in (200, 429):
                self.failed += 1
                self.reasons.append(why or str(status))
            self.slowest = max(self.slowest, time.perf_counter() - begin)
            self._end.wait(pause)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def main(args: argparse.Namespace) -> bool:
    """Print a line for each attack, and return whether all are repelled."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    chosen = {args.only: ATTACKS[args.only]} if args.only else ATTACKS
    with tempfile.TemporaryDirectory() as folder, Server(args.bundle, Path(folder) / "cases.sqlite") as server:
        scan, kept = args.scan.read_bytes(), True
        with Honest(server, scan):
            time.sleep(2)
        begin = server.usage()
        print(f"{'attack':18} answered  wait failed  slowest    MiB  files  what became of it")
        for name, attack in chosen.items():
            with Honest(server, scan) as honest:
                said, repelled = attack(server)
            used = server.usage()
            kept &= repelled and honest.failed == 0 and honest.answered > 0
            asked = f"{honest.answered:8} {honest.told_to_wait:5} {honest.failed:6} {honest.slowest:7.2f}s"
            said = " ".join([said, *honest.reasons])
            state = f"{used.rss / 2**20:6.0f} {used.files:6}  {'' if repelled else 'NOT REPELLED: '}{said}"
            print(f"{name:18} {asked} {state}", flush=True)
        grown = (server.usage().rss - begin.rss) / 2**20
        kept &= grown <= MOST_MIB and _ready(server) and server.stop() == 130
    unexpected = [line for line in server.messages if "unexpected" in line]
    print(f"memory grew by {grown:.0f} MiB; unexpected errors: {len(unexpected)}")
    kept &= not unexpected
    print(f"promised: all repelled, the honest client answered: {'kept' if kept else 'BROKEN'}")
    return kept


def _ready(server: Server) -> bool:
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(b"GET /v1/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return connection.recv(100).startswith(b"HTTP/1.1 200")
