"""``edge-run serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options

SERVING = "Serving"


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen on this address.", rich_help_panel=SERVING)
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port; 0 takes a free one.", rich_help_panel=SERVING)
    ] = 8080,
    queue: Annotated[
        int, typer.Option(min=0, max=10000, help="Let so many requests wait; refuse the next.", rich_help_panel=SERVING)
    ] = 16,
    tokens: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Ask for a token of this file.  [default: $EDGE_RUN_TOKENS, or the one of edge-run tokens]",
            rich_help_panel=SERVING,
        ),
    ] = None,
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    early_exit: _options.EarlyExit = False,
    case_log: _options.CaseLog = None,
    no_case_log: _options.NoCaseLog = False,
    keep_images: _options.KeepImages = False,
) -> None:
    """Answer scans over HTTP, and show flagged cases in a browser.

    It goes on until Ctrl-C or SIGTERM.
    """
    from ._answering import open_bundle
    from ._extras import need

    need("starlette", "serve")
    need("uvicorn", "serve")
    opened, selection = open_bundle(bundle, backend, precision)
    from edge_run.ensemble.ensemble import Ensemble

    from . import _serving

    with Ensemble(opened, selection=selection, threads=threads, early_exit=early_exit) as ensemble:
        _serving.run(ensemble, host, port, queue, tokens, case_log, no_case_log, keep_images)
