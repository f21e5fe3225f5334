"""To what the thresholds of the flags are fitted: options of the commands that fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_run.errors import UsageError

if TYPE_CHECKING:
    from edge_run.flags.thresholds import Target

PANEL = "Gates and flags"
_ERROR = (
    "Flag so many scans that, at 95 % confidence, at most this share of patients gets a wrong answer without a flag."
)

FlagError = Annotated[float | None, typer.Option(help=_ERROR, rich_help_panel=PANEL)]


def flag_rate_option(default: str) -> Any:  # noqa: ANN401 - Typer's own type is not public
    """Describe ``--flag-rate``, and what is taken where it is not given."""
    return typer.Option(help=f"Flag at most this share of the scans.  [default: {default}]", rich_help_panel=PANEL)


def flag_target(rate: float | None, error: float | None) -> Target | None:
    """Return the target that was asked for; None where none was.

    Raises
    ------
    UsageError
        Both are given, or one is no share.
    """
    from edge_run.flags.thresholds import ERROR, RATE, Target

    if rate is not None and error is not None:
        raise UsageError("flags are fitted to a rate or to an error, not both", hint="give --flag-rate or --flag-error")
    kind, share = (RATE, rate) if error is None else (ERROR, error)
    if share is None:
        return None
    if not 0 < share < 1:
        raise UsageError(f"{kind}={share:g} is no share between 0 and 1", hint=f"--flag-{kind} 0.1")
    return Target(kind, share)
