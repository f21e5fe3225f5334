"""Whether a server is ready: the reference scans give what they gave at export, and log and disk can be written."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from edge_run.cases import CaseLogError
from edge_run.ensemble.verify import replay
from edge_run.errors import EdgeRunError, GateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answering import Answering

LOGGER = logging.getLogger(__name__)

REPLAY_EVERY_S = 600.0
"""How long a comparison with the reference scans holds."""
CHECK_EVERY_S = 2.0
"""How long the state of log and disk holds."""
FREE_BYTES = 64 * 2**20
"""A disk with less room counts as full."""


class Readiness:
    """Looks whether scans can be answered and logged, not more often than is useful.

    Attributes
    ----------
    draining
        Whether the server has been told to stop.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self.draining = False
        self._lock = asyncio.Lock()
        self._replayed = self._checked = float("-inf")
        self._failed: dict[str, str] = {}

    def replay(self) -> None:
        """Compare answers to the reference scans with those at export.

        Raises
        ------
        GateError
            They differ by more than their tolerance.
        """
        failed = [check for check in replay(self._answering.ensemble) if not check.passed]
        if failed:
            worst = max(failed, key=lambda check: check.difference / check.tolerance)
            raise GateError(
                f"the reference scans are not answered as at export: {worst.name} differs by {worst.difference:.3g}, "
                f"more than {worst.tolerance:.3g}",
                hint="edge-run verify",
            )
        self._replayed = time.monotonic()

    def drain(self) -> None:
        """Tell from now on that the server stops."""
        self.draining = True

    async def reasons(self) -> list[str]:
        """Return why scans are not answered now; empty where they are."""
        if self.draining:
            return ["the server is stopping"]
        async with self._lock:
            if time.monotonic() - self._replayed > REPLAY_EVERY_S:
                self._failed["reference"] = await self._answering.slots.run(
                    lambda: _failure(self.replay, "the reference scans are not answered as at export"), patient=True
                )
            if time.monotonic() - self._checked > CHECK_EVERY_S:
                self._failed["log"] = await run_in_threadpool(
                    _failure, self._check_log, "the case log cannot be written, or its disk is full"
                )
                self._checked = time.monotonic()
        return [reason for reason in self._failed.values() if reason]

    def _check_log(self) -> None:
        cases = self._answering.cases
        if cases is None:
            return
        cases.check()
        if shutil.disk_usage(cases.path.parent).free < FREE_BYTES:
            raise CaseLogError(f"the disk of {cases.path} has less than {FREE_BYTES // 2**20} MiB left")


def _failure(check: Callable[[], None], reason: str) -> str:
    """Return why a check failed, for anybody to read; the log of the server says more. Empty where it passed."""
    try:
        check()
    except (EdgeRunError, OSError) as error:
        LOGGER.warning("not ready: %s", error)
        return reason
    return ""
