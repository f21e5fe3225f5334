"""The case log of ``predict`` and ``watch``, which stops no answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from edge_run.errors import EdgeRunError, UsageError

from .output.messages import Warnings

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from edge_run.cases import CaseLog
    from edge_run.voting.prediction import Prediction


class CaseLogger:
    """A case log in a thread of its own, which opens it while the networks load.

    What keeps it from being opened or written is a warning, each text once; the scans are answered all the same.

    Parameters
    ----------
    path
        Of the log; the user's own by default.
    wanted
        Whether answers are logged.
    keep_images
        Keep the encoded scans beside it.

    Raises
    ------
    UsageError
        The options contradict each other.
    """

    def __init__(self, path: Path | None, *, wanted: bool, keep_images: bool) -> None:
        if not wanted and (path is not None or keep_images):
            raise UsageError("--no-case-log contradicts --case-log and --keep-images", hint="leave one of them out")
        self.keep_images, self._path, self._warnings = keep_images, path, Warnings()
        # SQLite wants all calls from one thread.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="case-log")
        self._opening = self._pool.submit(self._open) if wanted else None

    def append(self, prediction: Prediction, image: bytes | None) -> str | None:
        """Log an answer, and return the case's id; None where there is no log."""
        return self._pool.submit(self._append, prediction, image).result() if self._opening else None

    def _open(self) -> CaseLog | None:
        try:
            from edge_run.cases import CaseLog

            return CaseLog.open(self._path, self.keep_images)
        except EdgeRunError as error:
            self._warn(error)
        except ImportError as error:
            self._warn(EdgeRunError(f"there is no case log: {error}", hint="use a Python that has sqlite3"))
        return None

    def _append(self, prediction: Prediction, image: bytes | None) -> str | None:
        try:
            log = self._log
            return log.append(prediction, image) if log else None
        except EdgeRunError as error:
            self._warn(error)
            return None

    def _close(self) -> None:
        try:
            if log := self._log:
                log.close()
        except EdgeRunError as error:
            self._warn(error)

    @property
    def _log(self) -> CaseLog | None:
        return self._opening.result() if self._opening else None

    def _warn(self, error: EdgeRunError) -> None:
        self._warnings("not logged", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.submit(self._close).result()
        self._pool.shutdown()
