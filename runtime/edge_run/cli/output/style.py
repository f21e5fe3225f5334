"""Colour and weight of type, on a terminal that shows them."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, NamedTuple, TextIO

from .text import can_encode

if TYPE_CHECKING:
    from typing_extensions import Self

_BOLD, _DIM, _RED, _YELLOW, _CYAN = "1", "2", "31", "33", "36"


class Style(NamedTuple):
    """What one stream can show.

    Attributes
    ----------
    colour
        Whether escape sequences for colour and weight are written.
    width
        Columns of the terminal, to which sentences are wrapped; None where lines have no end, as in a file.
    """

    colour: bool = False
    width: int | None = None

    @classmethod
    def of(cls, stream: TextIO) -> Self:
        """Return what a stream can show: nothing but text where it is no terminal.

        ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` turn colour off.
        """
        if not is_terminal(stream):
            return cls()
        colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(colour, shutil.get_terminal_size().columns)

    def bold(self, text: str) -> str:
        """Weigh a text heavier."""
        return self._painted(text, _BOLD)

    def dim(self, text: str) -> str:
        """Set a text back behind the others."""
        return self._painted(text, _DIM)

    def verdict(self, text: str) -> str:
        """Mark the label that an answer gives."""
        return self._painted(text, _BOLD, _CYAN)

    def caution(self, text: str) -> str:
        """Mark a flag, a warning, or a member that disagrees."""
        return self._painted(text, _YELLOW)

    def error(self, text: str) -> str:
        """Mark what failed."""
        return self._painted(text, _BOLD, _RED)

    def wrapped(self, text: str, indent: str = "    ") -> list[str]:
        """Break a sentence into lines that fit the terminal; those after the first begin with the indent."""
        if self.width is None:
            return [text]
        wide = max(40, self.width - 1)
        return textwrap.wrap(text, wide, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True) or [""]

    def _painted(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.colour and text else text


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at a stream; a closed one is no terminal."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def bar(share: float, width: int = 20, stream: TextIO | None = None) -> str:
    """Draw a share of 1 as a bar, in ASCII where the stream (standard output by default) has no block characters."""
    full, empty = ("█", "░") if can_encode("█░", stream or sys.stdout) else ("#", ".")
    filled = round(share * width)
    return full * filled + empty * (width - filled)
