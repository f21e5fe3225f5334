"""``edge-run recalibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_run.errors import UsageError

from . import _options
from ._case_options import Log, Since, existing_log, log_time, warn_of_damage
from ._choices import bundle_names, precision_names
from ._flag_target import FlagError, flag_rate_option, flag_target
from .output import print_json, print_text, say

OUT = "Write the new bundle here: a folder to make, or a path ending in .zip."
PRECISION = "Use answers at this precision.  [default: the one with the most noted scans]"
POINT = (
    "Set the threshold on the positive class: a number, youden, or sensitivity=S.  "
    "[default: youden where it is better by more than its standard error, else the present one]"
)


PATIENTS = "Count the scans of a patient together: a CSV file with the columns accession,patient."
ALSO = "Use the answers of this bundle too; it must have the same networks. May be repeated."


def recalibrate(
    bundle: _options.BundleArgument = "ct-covid",
    out: Annotated[Path | None, typer.Option(metavar="BUNDLE", help=OUT)] = None,
    name: Annotated[str, typer.Option(help="Name the bundle, as results carry it.  [default: that of --out]")] = "",
    precision: Annotated[str | None, typer.Option(help=PRECISION, autocompletion=precision_names)] = None,
    operating_point: Annotated[str | None, typer.Option(help=POINT)] = None,
    flag_rate: Annotated[float | None, flag_rate_option("the bundle's target")] = None,
    flag_error: FlagError = None,
    since: Since = None,
    patients: Annotated[Path | None, typer.Option(metavar="FILE", help=PATIENTS)] = None,
    also: Annotated[list[str] | None, typer.Option(metavar="BUNDLE", help=ALSO, autocompletion=bundle_names)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")] = False,
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Fit a bundle's vote anew on the noted cases of this place.

    Temperatures, voting weights, operating point and flags are fitted on cases that were noted with edge-run cases
    note, and written as a new bundle that names its parent. The networks stay as they are. The exit code is 6, and
    nothing is written, where the new vote is not better on the cases than the present one.
    """
    import msgspec

    from edge_run.bundle.bundle import Bundle
    from edge_run.recalibrate import Report, Request
    from edge_run.recalibrate import recalibrate as fit
    from edge_run.recalibrate.patients import read_patients

    from .records.recalibration_text import recalibration_text

    if out is None and not dry_run:
        raise UsageError("the new bundle needs a place", hint="--out DIR, or --dry-run to see what would change")

    def show(report: Report) -> None:
        if as_json:
            print_json(msgspec.to_builtins(report))
        else:
            print_text(recalibration_text(report))

    request = Request(
        precision=precision,
        since=log_time(since),
        operating_point=operating_point,
        flag_target=flag_target(flag_rate, flag_error),
        also=tuple(Bundle(other) for other in also or ()),
        patients=read_patients(patients) if patients else None,
        name=name,
    )
    opened, damaged = Bundle(bundle), list[int]()
    with existing_log(case_log) as log:
        try:
            fit(opened, log, None if dry_run else out, request, damaged=damaged, on_report=show)
        finally:
            warn_of_damage(damaged)
    if not dry_run:
        say(f"answer with it: edge-run predict --bundle {out} SCAN...")
