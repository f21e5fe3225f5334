"""``edge-run node``, and its commands, which are imported when one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from . import _options
from ._help import SETTINGS, Command, CommandGroup

NETWORK, FILES = "Network", "Inbox and outbox"


class _NodeCommands(CommandGroup):
    sections = {  # noqa: RUF012
        "Commands": {
            "status": "_node_commands:status",
            "check": "_node_commands:check",
            "conformance": "_node_conformance:conformance",
        }
    }

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's Click has no public name
        """Write the options in sections, then the commands."""
        Command.format_options(self, ctx, formatter)  # type: ignore[arg-type]
        self.format_commands(ctx, formatter)


Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Keep inbox and outbox here.  [default: a folder in the user's data folder]",
        rich_help_panel=FILES,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Read these settings (TOML); options change them."),
]

AeTitle = Annotated[
    str | None,
    typer.Option(
        "--ae-title", metavar="TITLE", help="This node's AE title.  [default: EDGE-RUN]", rich_help_panel=NETWORK
    ),
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Listen on this port.  [default: 11112]", rich_help_panel=NETWORK),
]

app = typer.Typer(
    cls=_NodeCommands,
    help="Receive series over DICOM, and answer each of them.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=SETTINGS,
)


@app.callback()
def node(
    ctx: typer.Context,
    config: Config = None,
    ae_title: AeTitle = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Listen on this address.  [default: 127.0.0.1]", rich_help_panel=NETWORK
        ),
    ] = None,
    port: Port = None,
    senders: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="NAME=AETITLE@ADDRESS",
            help="Accept this sender; may be given several times.  [default: any, from this machine alone]",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    send_to: Annotated[
        list[str] | None,
        typer.Option(
            "--send-to",
            metavar="NAME=AETITLE@HOST:PORT|URL",
            help="Send answers to this archive, by C-STORE or to a DICOMweb address; may be given several times.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    status_port: Annotated[
        int | None,
        typer.Option(
            "--status-port",
            min=0,
            max=65535,
            help="Serve a status page and Prometheus metrics on this port, on this machine alone.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    folder: Folder = None,
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    early_exit: _options.EarlyExit = False,
    case_log: _options.CaseLog = None,
    no_case_log: _options.NoCaseLog = False,
) -> None:
    """Receive series over DICOM, answer each of them, and send the answers to an archive.

    It goes on until Ctrl-C or SIGTERM. What it acknowledged is on the disk, and is answered after a restart.
    """
    if ctx.invoked_subcommand is not None:
        return
    from ._node import ModelOptions, run, settings_of

    settings = settings_of(config, ae_title, host, port, senders or (), send_to or (), folder, status_port)
    run(settings, ModelOptions(bundle, precision, backend, threads, early_exit, case_log, not no_case_log))
