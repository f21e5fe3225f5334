"""Measures the case log from time to time: entries, cases to review, drift, and whether its chain is intact."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from itertools import islice
from threading import Event, Thread
from typing import TYPE_CHECKING

from edge_run.cases import CaseLog, MissingCaseLogError, cases, review, verify
from edge_run.cases.drift import report
from edge_run.errors import EdgeRunError

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from edge_run.bundle.bundle import Bundle

    from .metrics import Metrics

LOGGER = logging.getLogger(__name__)
EVERY_S = 600.0
VERIFY_EVERY_S = 24 * 3600.0
NEWEST = 2000
"""Cases that drift is measured on: enough for its tests, and read in a fraction of a second."""


class LogMeasurer:
    """Measures a case log in a thread of its own, until it is closed.

    Parameters
    ----------
    metrics
        Receives the figures.
    log
        The case log; it may be missing until the first answer.
    bundle, precision
        What answers: drift compares its own cases with its own validation scans.
    """

    def __init__(self, metrics: Metrics, log: Path, bundle: Bundle, precision: str) -> None:
        self._metrics, self._log, self._bundle, self._precision = metrics, log, bundle, precision
        self._verified = float("-inf")
        self._stop = Event()
        self._thread = Thread(target=self._run, name="log-metrics", daemon=True)
        self._thread.start()

    def measure(self) -> None:
        """Measure once; a full verification is due once a day.

        Raises
        ------
        CaseLogError
            The log cannot be read.
        """
        with suppress(MissingCaseLogError), CaseLog.existing(self._log) as log:
            newest = list(islice(cases(log, newest_first=True), NEWEST))
            drifts = tuple(
                one for one in report(self._bundle, reversed(newest)).precisions if one.precision == self._precision
            )
            self._metrics.case_log(log.head().seq, review.length(log).waiting, drifts)
            if time.monotonic() - self._verified >= VERIFY_EVERY_S:
                faults = verify(log).faults
                if faults:
                    LOGGER.warning("the case log has faults, the first: %s; edge-run cases verify", faults[0].message)
                    return
                self._verified = time.monotonic()
                self._metrics.verified(time.time())

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.measure()
            except EdgeRunError as error:
                LOGGER.warning("the case log cannot be measured: %s", error)
            except Exception:
                LOGGER.exception("the case log cannot be measured")
            self._stop.wait(EVERY_S)

    def close(self) -> None:
        """Stop; a measurement that is under way ends with the process."""
        self._stop.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
