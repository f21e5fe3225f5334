"""Options of ``edge-run serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LISTENING, LOAD = "Who may ask", "Load"

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Listen on this address.", rich_help_panel=LISTENING)]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Listen on this port; 0 takes a free one.", rich_help_panel=LISTENING)
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Ask for a token of this file.  [default: the file of edge-run tokens, where it exists]",
        rich_help_panel=LISTENING,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Answer also when called by this name.", rich_help_panel=LISTENING),
]
TlsCert = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Encrypt with this certificate (PEM).", rich_help_panel=LISTENING)
]
TlsKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The key of --tls-cert (PEM).", rich_help_panel=LISTENING)
]
TlsClientCa = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Ask clients for a certificate of this authority.", rich_help_panel=LISTENING),
]
BehindProxy = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS", help="A proxy at this address encrypts; believe its headers.", rich_help_panel=LISTENING
    ),
]
Queue = Annotated[
    int, typer.Option(min=0, max=10000, help="Let so many requests wait, refuse the next.", rich_help_panel=LOAD)
]
MaxBody = Annotated[
    int, typer.Option(metavar="MIB", min=1, max=1024, help="Refuse larger requests.", rich_help_panel=LOAD)
]
Drain = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        max=3600,
        help="Go on for so long after SIGTERM, while /v1/ready says no.",
        rich_help_panel=LOAD,
    ),
]
MetricsAddress = Annotated[
    str,
    typer.Option(
        "--metrics",
        metavar="ADDRESS",
        help="Serve metrics for Prometheus here, e.g. 127.0.0.1:9464.",
        rich_help_panel=LISTENING,
    ),
]
