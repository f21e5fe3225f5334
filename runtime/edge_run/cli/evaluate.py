"""``edge-run evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options
from ._choices import Split, bundle_names
from ._extras import need
from ._interrupt import saying_what_is_kept
from .output import Progress, print_text, say

SUBJECT = "Run directory, or a bundle: a folder, a .zip, or the name of an installed one."
OUT = "Write into this folder.  [default: RUN/evaluation/SPLIT, or ./evaluation-NAME-SPLIT for a bundle]"


def evaluate(
    subject: Annotated[str, typer.Argument(metavar="RUN|BUNDLE", help=SUBJECT, autocompletion=bundle_names)],
    data: Annotated[list[Path], typer.Argument(metavar="DATA...", help="Folders of labelled scans, as for train.")],
    split: Annotated[Split, typer.Option(help="Measure on this part of the scans.")] = Split.TEST,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help=OUT)] = None,
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    as_json: _options.Json = False,
) -> None:
    """Measure every member and the vote on labelled scans.

    Figures with their intervals, plots and predictions are written into --out.
    """
    need("matplotlib", "train")
    evaluating = need("edge_train.evaluate.evaluate", "train")
    with (
        saying_what_is_kept(lambda: "nothing was written"),
        evaluating.opened(subject, precision=precision, backend=backend, threads=threads) as answering,
        Progress() as progress,
    ):
        folder = out or evaluating.default_out(answering, split.value)
        report = evaluating.evaluate(answering, data, split.value, out=folder, progress=progress.show)
    for note in report.notes:
        say(f"note: {note}")
    print_text(evaluating.to_json(report).decode() if as_json else evaluating.table(report))
    say(f"written to {folder}")
