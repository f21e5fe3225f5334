"""Silence the messages of other packages, and leave logging as it was before."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def errors_only(logger: logging.Logger) -> Iterator[None]:
    """Let a logger pass on nothing but errors inside the block."""
    level, handlers = logger.level, logger.handlers[:]
    logger.setLevel(logging.ERROR)
    if not logger.hasHandlers() and logging.lastResort:
        # The first logging.warning() of a process hangs a handler on a bare root logger, and there it stays.
        logger.addHandler(logging.lastResort)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers
