"""``edge-run serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options

LISTENING, LOAD = "Who may ask", "Load"


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen on this address.", rich_help_panel=LISTENING)
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port; 0 takes a free one.", rich_help_panel=LISTENING)
    ] = 8080,
    tokens: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Ask for a token of this file.  [default: the file of edge-run tokens, where it exists]",
            rich_help_panel=LISTENING,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Answer also when called by this name.", rich_help_panel=LISTENING),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Encrypt with this certificate (PEM).", rich_help_panel=LISTENING),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key of --tls-cert (PEM).", rich_help_panel=LISTENING)
    ] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Ask clients for a certificate of this authority.", rich_help_panel=LISTENING
        ),
    ] = None,
    behind_proxy: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="A proxy at this address encrypts; believe its headers.", rich_help_panel=LISTENING
        ),
    ] = "",
    queue: Annotated[
        int, typer.Option(min=0, max=10000, help="Let so many requests wait, refuse the next.", rich_help_panel=LOAD)
    ] = 16,
    max_body: Annotated[
        int, typer.Option(metavar="MIB", min=1, max=1024, help="Refuse larger requests.", rich_help_panel=LOAD)
    ] = 64,
    drain: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=3600,
            help="Go on for so long after SIGTERM, while /v1/ready says no.",
            rich_help_panel=LOAD,
        ),
    ] = 5.0,
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

    It goes on until Ctrl-C or SIGTERM. Without tokens everybody on this machine may ask, and nobody else.
    """
    from ._answering import open_bundle, say_intended_use
    from ._extras import need

    need("starlette", "serve")
    need("uvicorn", "serve")
    need("python_multipart", "serve")
    from edge_run.serve.server import Listen

    from . import _serving

    listen = Listen(host, port, tls_cert, tls_key, tls_client_ca, behind_proxy, drain)
    settings = _serving.Settings(
        listen, tuple(allow_host or ()), queue, max_body, case_log, not no_case_log, keep_images
    )
    known = _serving.checked(settings, tokens)
    opened, selection = open_bundle(bundle, backend, precision)
    from edge_run.ensemble.ensemble import Ensemble

    with Ensemble(opened, selection=selection, threads=threads, early_exit=early_exit) as ensemble:
        say_intended_use(ensemble.manifest)
        _serving.run(ensemble, settings, known)
