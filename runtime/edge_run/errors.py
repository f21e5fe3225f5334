"""Everything edge-run raises on purpose.

    EdgeRunError            exit 1   (never raised itself)
    ├── CaseLogError        exit 1   the case log cannot be opened, read or written (edge_run.cases)
    ├── UsageError          exit 2   the request does not make sense
    │   └── DataError       exit 2   a training or evaluation folder is not usable
    ├── InputError          exit 3   one input cannot be answered; the others are
    ├── BundleError         exit 4   a bundle or a run is damaged, unknown or not what it claims to be
    ├── BackendError        exit 5   a backend, provider or extra that was asked for is missing
    └── GateError           exit 6   parity or accuracy outside its tolerance, or a case log that was altered

A message says what happened and why; ``hint`` is the command or the step that puts it right.
"""

from __future__ import annotations

from typing import ClassVar


class EdgeRunError(Exception):
    """Base of every error edge-run raises on purpose.

    Parameters
    ----------
    message
        What happened and why, one or more sentences.
    hint
        The command or step that puts it right; empty where there is none.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        """The name of the error's class, as records carry it."""
        return type(self).__name__

    def to_dict(self) -> dict[str, str]:
        """Return ``kind``, ``message`` and ``hint`` as text that UTF-8 can hold, for a record."""
        fields = {"kind": self.kind, "message": self.message, "hint": self.hint}
        return {name: text.encode("utf-8", "replace").decode("utf-8") for name, text in fields.items()}

    def __str__(self) -> str:
        """Return the message and, on a line of its own, the hint."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(EdgeRunError):
    """The request does not make sense as it stands."""

    exit_code = 2


class DataError(UsageError):
    """A folder of labelled scans cannot be trained on or evaluated."""


class InputError(EdgeRunError):
    """One input cannot be answered: not an image, empty, truncated or out of bounds."""

    exit_code = 3


class BundleError(EdgeRunError):
    """A bundle or a run is damaged, unknown or not what it claims to be."""

    exit_code = 4


class BackendError(EdgeRunError):
    """A backend, provider or optional package that was asked for is missing."""

    exit_code = 5


class GateError(EdgeRunError):
    """A parity or accuracy figure lies outside its tolerance."""

    exit_code = 6
