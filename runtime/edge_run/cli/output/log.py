"""What the library logs, as messages of the command line."""

from __future__ import annotations

import logging

from .messages import say, warn


class _Messages(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a record: what takes long as a message, what went wrong beside the answer as a warning."""
        (warn if record.levelno >= logging.WARNING else say)(record.getMessage())


def show_log() -> None:
    """Show on standard error what the library logs, such as a network that is derived once and takes seconds."""
    logger = logging.getLogger("edge_run")
    if not any(isinstance(handler, _Messages) for handler in logger.handlers):
        logger.addHandler(_Messages())
        logger.setLevel(logging.INFO)
        logger.propagate = False
