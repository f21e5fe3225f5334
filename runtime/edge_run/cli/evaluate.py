"""``edge-run evaluate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import _options
from ._extras import need
from .output import bar, print_text

SUBJECT = "Run directory, or a bundle: a folder, a .zip, or a built-in name."
OUT = "Folder to write: RUN/evaluation/SPLIT, or ./evaluation-NAME-SPLIT for a bundle, by default."


def evaluate(
    subject: Annotated[str, typer.Argument(metavar="RUN|BUNDLE", help=SUBJECT)],
    data: Annotated[list[Path], typer.Argument(help="Folders of labelled scans, as for train.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    out: Annotated[Path | None, typer.Option(help=OUT)] = None,
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    as_json: _options.Json = False,
) -> None:
    """Measure every member and the vote on labelled scans; intervals, plots and predictions go into --out."""
    need("matplotlib", "train")
    evaluating = need("edge_train.evaluate.evaluate", "train")
    with evaluating.opened(subject, precision=precision, backend=backend, threads=threads) as answering:
        folder = out or evaluating.default_out(answering, split)
        found = evaluating.evaluate(answering, data, split, out=folder, progress=_progress)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    print_text(evaluating.to_json(found).decode() if as_json else evaluating.table(found))
    typer.echo(f"written to {folder}", err=True)


def _progress(what: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{what:<9} {bar(done / of, 30)} {done}/{of}" + ("\n" if done == of else ""))
        sys.stderr.flush()
