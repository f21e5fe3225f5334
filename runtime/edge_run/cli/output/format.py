"""The forms in which records are written, and the choice among them."""

from __future__ import annotations

import enum

from edge_run.errors import UsageError


class Format(enum.Enum):
    """How records are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"


def chosen_format(**switches: bool) -> Format:
    """Return the format whose switch was given; text where none was.

    Parameters
    ----------
    switches
        By the value of a `Format`, which is also the name of its option.

    Raises
    ------
    UsageError
        More than one switch was given.
    """
    chosen = [Format(name) for name, given in switches.items() if given]
    if len(chosen) > 1:
        names = ", ".join(f"--{name}" for name in switches)
        raise UsageError("more than one output format is given", hint=f"keep one of {names}")
    return chosen[0] if chosen else Format.TEXT
