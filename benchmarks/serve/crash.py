"""Kill the server while clients ask, start it again, and ask for what has no answer: nothing is lost, nothing double.

Each request has an Idempotency-Key, and is sent again until it is answered. At the end the case log is verified, every
answer must be in it, and no request twice.
"""

from __future__ import annotations

import http.client
import json
import random
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run.cases import CaseLog, cases, verify_file

from .server import Server

if TYPE_CHECKING:
    import argparse

CLIENTS = 8


def options(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("--bundle", default="ct-covid", help="toy networks give more answers between two kills")
    parser.add_argument("--scan", type=Path, default=Path("samples/ct.png"))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)


class Clients:
    """Clients that ask, each with keys of its own, until they are told to stop; an unanswered key is asked again.

    Attributes
    ----------
    answered
        Case by key, of the answers that came.
    """

    def __init__(self, scan: bytes) -> None:
        self._scan, self._lock = scan, threading.Lock()
        self._next = dict.fromkeys(range(CLIENTS), 0)
        self.answered: dict[str, str] = {}
        self.asked = self.changed = 0

    def ask(self, server: Server, stopped: threading.Event) -> None:
        """Ask until the server is gone."""
        threads = [threading.Thread(target=self._ask, args=(client, server, stopped)) for client in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask(self, client: int, server: Server, stopped: threading.Event) -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        try:
            while not stopped.is_set():
                key = f"client {client}, request {self._next[client]}"
                with self._lock:
                    self.asked += 1
                connection.request("POST", "/v1/scans", self._scan, {"Idempotency-Key": key})
                response = connection.getresponse()
                body = response.read()
                if response.status == 200:
                    self._note(key, json.loads(body)["case"])
                    # Now and then the same again: its answer must not change.
                    if random.random() > 0.1:
                        self._next[client] += 1
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _note(self, key: str, case: str) -> None:
        with self._lock:
            self.changed += self.answered.setdefault(key, case) != case


def main(args: argparse.Namespace) -> bool:
    """Print what became of the answers, and return whether none is lost or double."""
    random.seed(args.seed)
    clients = Clients(args.scan.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "cases.sqlite"
        for number in range(1, args.kills + 1):
            with Server(args.bundle, log) as server:
                stopped = threading.Event()
                # From the first answers on, at any moment of an answer.
                killing = threading.Timer(random.uniform(0.05, 1.0), server.kill)
                killing.start()
                clients.ask(server, stopped)
                killing.join()
            if number % 10 == 0:
                print(f"{number} kills, {clients.asked} requests, {len(clients.answered)} answered", flush=True)
        with CaseLog.existing(log) as opened:
            logged = list(cases(opened))
        faults = verify_file(log).faults
    return _print(clients, logged, len(faults))


def _print(clients: Clients, logged: list[dict[str, str]], faults: int) -> bool:
    ids, requests = {case["id"] for case in logged}, Counter(case["request"] for case in logged)
    lost = sum(case not in ids for case in clients.answered.values())
    double = sum(count - 1 for count in requests.values())
    print(f"{len(logged)} cases logged, {len(clients.answered)} answers acknowledged")
    print(f"lost {lost}, double {double}, changed on a second request {clients.changed}, faults of the log {faults}")
    kept = lost == double == clients.changed == faults == 0
    print(f"promised: none of them: {'kept' if kept else 'BROKEN'}")
    return kept
