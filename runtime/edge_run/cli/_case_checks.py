"""The commands of ``edge-run cases`` that check: verify and drift."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_run.errors import GateError, UsageError

from . import _options
from ._case_options import Log, Since, existing_log, log_time, warn_of_damage
from .output import print_json, print_text

FEWEST_DIGITS = 16


def verify(
    head: Annotated[
        str, typer.Option(metavar="HASH", help="Check that the log still has this head, noted earlier.")
    ] = "",
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Check the hash chain of the log.

    An entry that was altered, removed or put in another place shows; the exit code is then 6.
    """
    import msgspec

    from edge_run.cases import verify_file

    from .records.chain_text import chain_text

    noted = head.strip().lower()
    if noted and (len(noted) < FEWEST_DIGITS or not set(noted) <= set("0123456789abcdef")):
        raise UsageError(f"{head!r} is no hash", hint="give the 64 digits that edge-run cases verify printed")
    chain = verify_file(case_log, noted)
    if as_json:
        print_json({"intact": not chain.faults, **msgspec.to_builtins(chain)})
    else:
        print_text(chain_text(chain))
    if chain.faults:
        raise GateError(
            f"the case log was altered: {chain.faults[0].message}",
            hint="keep a copy of it as it is, find out who had access, and go on with a new --case-log",
        )


def drift(
    bundle: _options.Bundle = "ct-covid",
    since: Since = None,
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Compare the answered scans with the bundle's validation scans."""
    import msgspec

    from edge_run.bundle.bundle import Bundle
    from edge_run.cases import reading
    from edge_run.cases.drift import report

    from .records.drift_text import drift_text

    opened = Bundle(bundle)
    damaged: list[int] = []
    with existing_log(case_log) as log:
        found = report(opened, reading.cases(log, since=log_time(since), damaged=damaged))
    warn_of_damage(damaged)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        print_text(drift_text(found))
