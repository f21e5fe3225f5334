"""TensorRT's log: silent, with the last errors kept for the message that is raised."""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import api

KEPT = 4


@functools.cache
def log_of(trt: api.Module) -> api.Foreign:
    """Return the process's one logger: TensorRT keeps the first it is given, and complains of any other.

    Its ``last_errors()`` returns what was logged as an error since the call before, newest last. With several networks
    at work at once, they share it.
    """

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: deque[str] = deque(maxlen=KEPT)

        def log(self, severity: api.Foreign, msg: str) -> None:
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self._errors.append(msg)

        def last_errors(self) -> str:
            said = "; ".join(self._errors)
            self._errors.clear()
            return said or "it does not say why"

    return Log()
