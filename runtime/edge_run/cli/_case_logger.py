"""The case log of ``predict`` and ``watch``, which stops no answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
    accession
        Accession number of the examination, which is kept as a salted hash.

    Raises
    ------
    UsageError
        The options contradict each other.
    """

    def __init__(self, path: Path | None, *, wanted: bool, keep_images: bool, accession: str = "") -> None:
        if not wanted and (path is not None or keep_images):
            raise UsageError("--no-case-log contradicts --case-log and --keep-images", hint="leave one of them out")
        if not wanted and accession:
            raise UsageError("--no-case-log contradicts --id, which the case log keeps", hint="leave one of them out")
        self.keep_images, self._path, self._warnings = keep_images, path, Warnings()
        self._accession = accession
        # SQLite wants all calls from one thread.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="case-log")
        self._opening = self._pool.submit(self._open) if wanted else None

    def append(self, prediction: Prediction, image: bytes | None) -> str | None:
        """Log an answer, and return the case's id; None where there is no log."""
        if not self._opening:
            return None
        case = self._pool.submit(self._append, prediction, image).result()
        # While the next scan is read: nobody waits for it.
        self._pool.submit(self._checkpoint)
        return case

    def _open(self) -> CaseLog | None:
        try:
            from edge_run.cases import CaseLog

            return CaseLog.open(self._path, self.keep_images)
        except ImportError as error:
            self._warn(EdgeRunError(f"there is no case log: {error}", hint="use a Python that has sqlite3"))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the log, the answers come
            self._warn(error)
        return None

    def _append(self, prediction: Prediction, image: bytes | None) -> str | None:
        try:
            log = self._log
            return log.append(prediction, image, accession=self._accession) if log else None
        except Exception as error:  # noqa: BLE001 - as above
            self._warn(error)
            return None

    def _checkpoint(self) -> None:
        # The next append reports what is wrong.
        with suppress(Exception):
            if log := self._log:
                log.checkpoint()

    def _close(self) -> None:
        try:
            if log := self._log:
                log.close()
        except Exception as error:  # noqa: BLE001 - as above
            self._warn(error)

    @property
    def _log(self) -> CaseLog | None:
        return self._opening.result() if self._opening else None

    def _warn(self, error: Exception) -> None:
        if not isinstance(error, EdgeRunError):
            error = EdgeRunError(f"the case log failed: {type(error).__name__}: {error}", hint="edge-run cases verify")
        self._warnings("not logged", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.submit(self._close).result()
        self._pool.shutdown()
