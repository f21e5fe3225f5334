"""Messages on standard error: one form for notes, one for warnings, one for errors."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from . import progress
from .style import Style
from .text import visible, write

if TYPE_CHECKING:
    from edge_run.errors import EdgeRunError


def say(text: str) -> None:
    """Write a message."""
    _write(_safe(text))


def warn(message: str, hint: str = "") -> None:
    """Write a warning: something beside the answer went wrong, and the work goes on."""
    style = Style.of(sys.stderr)
    _write(f"{style.caution('warning:')} {_safe(message)}{_hint(hint)}")


def report_error(message: str, hint: str = "") -> None:
    """Write why a command ends, and what puts it right."""
    style = Style.of(sys.stderr)
    _write(f"{style.error('error:')} {_safe(message)}{_hint(hint)}")


class Warnings:
    """Warnings of which each text is written once."""

    def __init__(self) -> None:
        self._written = set[str]()

    def __call__(self, what: str, error: EdgeRunError) -> None:
        """Warn of an error that does not end the work; ``what`` says what it led to."""
        if error.message not in self._written:
            self._written.add(error.message)
            warn(f"{what}: {error.message}", error.hint)


def _hint(hint: str) -> str:
    return f"\n  hint: {_safe(hint)}" if hint else ""


def _safe(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def _write(text: str) -> None:
    progress.erase()
    # Whoever closed standard error wants no messages; the answers go on.
    with contextlib.suppress(OSError, ValueError):
        write(sys.stderr, text + "\n")
        sys.stderr.flush()
