"""``edge-run watch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options
from .output import Format, chosen_format

WATCHING = "Watching"


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder into which scans arrive, at any depth.")],
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep here which scans are answered.  [default: a file in the user's data folder]",
            rich_help_panel=WATCHING,
        ),
    ] = None,
    every: Annotated[
        float,
        typer.Option(min=0.1, max=86400, help="Look at the folder every so many seconds.", rich_help_panel=WATCHING),
    ] = 1.0,
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    early_exit: _options.EarlyExit = False,
    decode_seconds: _options.DecodeSeconds = _options.DECODE_SECONDS,
    decode_memory: _options.DecodeMemory = _options.DECODE_MEMORY,
    jsonl: _options.Jsonl = False,
    as_csv: _options.Csv = False,
    heatmap: _options.Heatmap = None,
    case_log: _options.CaseLog = None,
    no_case_log: _options.NoCaseLog = False,
    keep_images: _options.KeepImages = False,
) -> None:
    """Answer scans as they arrive in a folder.

    It goes on until Ctrl-C or SIGTERM. Each scan is answered once, also after a restart, and again after it has
    changed.
    """
    form = chosen_format(jsonl=jsonl, csv=as_csv)
    from ._answering import Answering, decode_limits, open_bundle, prediction_sink, say_intended_use
    from ._case_logger import CaseLogger

    limits = decode_limits(decode_seconds, decode_memory)
    opened, selection = open_bundle(bundle, backend, precision)
    from edge_run.ensemble.ensemble import Ensemble

    from . import _watching

    with (
        CaseLogger(case_log, wanted=not no_case_log, keep_images=keep_images) as log,
        Ensemble(opened, selection=selection, threads=threads, early_exit=early_exit, limits=limits) as ensemble,
        prediction_sink(form, ensemble.manifest) as sink,
    ):
        answering = Answering(ensemble, log, sink, heatmap)
        if form is Format.TEXT:
            say_intended_use(ensemble.manifest)
        _watching.run(ensemble, folder, state, every, answering)
