"""TensorRT's log, which prints nothing and keeps the last errors for the message that is raised."""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import api

KEPT = 4


@functools.cache
def log_of(trt: api.TensorRT) -> api.ILogger:
    """Return the process's one logger: TensorRT keeps the first that it gets, and warns about any other.

    Its ``last_errors()`` returns the errors since the previous call, newest last. All networks of a process share it.
    """

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: deque[str] = deque(maxlen=KEPT)

        def log(self, severity: api.Severity, msg: str) -> None:
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self._errors.append(msg)

        def last_errors(self) -> str:
            text = "; ".join(self._errors)
            self._errors.clear()
            return text or "it gives no reason"

    return Log()
