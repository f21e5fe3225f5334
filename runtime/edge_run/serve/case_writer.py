"""The case log of a server: one thread writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from edge_run.cases import CaseLog

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.voting.prediction import Prediction


class CaseWriter:
    """A case log that is written from a thread of its own, since SQLite wants all calls from one.

    Other processes, such as ``edge-run watch``, may write into the same log at the same time.

    Parameters
    ----------
    path
        Of the log; the user's own by default.
    keep_images
        Keep the encoded scans beside it.

    Raises
    ------
    CaseLogError
        It cannot be opened.
    """

    def __init__(self, path: Path | None, *, keep_images: bool = False) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="case-log")
        try:
            self._log = self._pool.submit(CaseLog.open, path, keep_images).result()
        except BaseException:
            self._pool.shutdown()
            raise
        self.path, self.keep_images = self._log.path, keep_images

    def append(self, prediction: Prediction, image: bytes | None, request: str = "") -> str:
        """Log an answer, and return the case's id once it would survive a loss of power.

        Parameters
        ----------
        request
            As :meth:`edge_run.cases.CaseLog.append` takes it.

        Raises
        ------
        CaseLogError
            Nothing was logged.
        """
        logging = partial(self._log.append, prediction, image, request=request)
        case = self._pool.submit(logging).result()
        # While the next scan is answered: nobody waits for it.
        self._pool.submit(self._checkpoint)
        return case

    def check(self) -> None:
        """Try to write, and take it back.

        Raises
        ------
        CaseLogError
            The log cannot be written.
        """
        self._pool.submit(self._log.try_writing).result()

    def close(self) -> None:
        """Close the log."""
        self._pool.submit(self._log.close)
        self._pool.shutdown()

    def _checkpoint(self) -> None:
        # The next append reports what is wrong.
        with suppress(Exception):
            self._log.checkpoint()
