"""Answers to requests that are sent again: an ``Idempotency-Key`` and a scan get one answer and one case.

The case holds a hash of the key, so that a server that was killed after it logged an answer, and before it sent it,
knows it after its restart.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from edge_run._files import sha256
from edge_run.cases import CaseLog, cases, find

from .refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from edge_run.bundle.bundle import Bundle

    Record = dict[str, Any]

MAX_KEYS = 10_000
"""Keys that are known: those of the newest cases."""
MAX_KEY = 255


def request_hash(client: str, key: str) -> str:
    """Hash a key, apart for each client.

    Raises
    ------
    RefusedError
        The key is empty, too long or not printable ASCII.
    """
    if not 0 < len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        raise RefusedError(400, f"an Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters")
    return sha256(f"{client}\0{key}".encode())


class Replays:
    """The answers that have keys.

    Used from one event loop.

    Parameters
    ----------
    log
        The case log, which exists.
    bundle
        The one that answers.
    """

    def __init__(self, log: Path, bundle: Bundle) -> None:
        self._log, self._bundle = log, bundle
        self._running: dict[str, tuple[str, asyncio.Future[Record]]] = {}
        self._known: OrderedDict[str, tuple[str, str]] = OrderedDict()
        with CaseLog.existing(log) as opened:
            for case in islice(cases(opened, newest_first=True), MAX_KEYS):
                if "request" in case:
                    self._known.setdefault(case["request"], (case["id"], case["scan_sha256"]))
        for hashed in list(self._known)[::-1]:
            self._known.move_to_end(hashed)

    async def once(self, hashed: str, scan_sha256: str, answer: Callable[[], Awaitable[Record]]) -> tuple[Record, bool]:
        """Return the answer to a request, and whether it was given before.

        Parameters
        ----------
        hashed
            Of the key, see :func:`request_hash`.
        answer
            Answers and logs; awaited only where the request is new. An error is not remembered.

        Raises
        ------
        RefusedError
            The key came with another scan before.
        """
        if hashed in self._running:
            scan, running = self._running[hashed]
            _same(scan, scan_sha256)
            return await asyncio.shield(running), True
        if hashed in self._known:
            case, scan = self._known[hashed]
            _same(scan, scan_sha256)
            return await run_in_threadpool(self._logged, case), True
        running = asyncio.ensure_future(answer())
        self._running[hashed] = scan_sha256, running
        running.add_done_callback(lambda done: self._keep(hashed, scan_sha256, done))
        # Whoever cancels this request does not cancel it for those that ask for the same.
        return await asyncio.shield(running), False

    def _keep(self, hashed: str, scan_sha256: str, done: asyncio.Future[Record]) -> None:
        del self._running[hashed]
        if not done.cancelled() and done.exception() is None and done.result()["case"]:
            self._known[hashed] = done.result()["case"], scan_sha256
            while len(self._known) > MAX_KEYS:
                self._known.popitem(last=False)

    def _logged(self, case_id: str) -> Record:
        with CaseLog.existing(self._log) as log:
            return record_of(find(log, case_id), self._bundle)


def record_of(case: Record, bundle: Bundle) -> Record:
    """Return the record of an answer as it was given, from its case; what the log does not hold is empty."""
    answered = {member["id"] for member in case["members"]}
    left_out = [member.id for member in bundle.manifest.members if member.id not in answered]
    times = case["timing_ms"]
    return {
        "path": "",
        "case": case["id"],
        **{name: case[name] for name in ("label", "probability", "probabilities", "interval", "flags", "members")},
        "measures": case["measures"],
        "left_out": left_out if case["bundle_sha256"] == bundle.sha256 else [],
        **{name: case[name] for name in ("bundle", "bundle_sha256", "precision", "backend", "skipped_backends")},
        "bundle_parent_sha256": case.get("bundle_parent_sha256"),
        **{name: case[name] for name in ("version", "scan_sha256", "steps")},
        "timing_ms": {**times, "total": sum(times.values())},
    }


def _same(scan: str, scan_sha256: str) -> None:
    if scan != scan_sha256:
        raise RefusedError(422, "this Idempotency-Key came with another scan before", hint="send another key")
