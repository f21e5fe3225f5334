"""What the command line writes: data on standard output, messages and progress on standard error."""

from __future__ import annotations

from .format import Format, chosen_format
from .log import show_log
from .messages import report_error, say, warn
from .progress import Progress
from .sink import Record, Sink, print_json, print_text
from .style import Style, bar
from .text import unicode, visible

__all__ = [
    "Format",
    "Progress",
    "Record",
    "Sink",
    "Style",
    "bar",
    "chosen_format",
    "print_json",
    "print_text",
    "report_error",
    "say",
    "show_log",
    "unicode",
    "visible",
    "warn",
]
