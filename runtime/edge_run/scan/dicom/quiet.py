"""Keep pydicom from talking: what it says may quote a file."""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class _Quiet:
    """A context in which pydicom neither warns nor logs.

    Filters of warnings belong to the process: threads that are inside at once share one change of them, or the one
    that leaves last would leave them changed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._log = logging.getLogger("pydicom")

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                # A warning is attributed to whoever called into pydicom.
                warnings.filterwarnings("ignore", module=r"(pydicom|edge_run\.dicom)\b")
                # Modules wrapped by SWIG, on import.
                warnings.filterwarnings("ignore", message="builtin type ", category=DeprecationWarning)
                self._was_disabled, self._log.disabled = self._log.disabled, True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._log.disabled = self._was_disabled
                self._filters.__exit__(kind, error, trace)


quiet = _Quiet()
