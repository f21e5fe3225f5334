"""Wiring: the commands, and what becomes of an error."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from edge_run._telemetry import keep_caches
from edge_run._version import __version__
from edge_run.errors import BackendError, EdgeRunError

from . import _process, bench, bundles, cases, doctor, evaluate, explain, export, predict, train
from .compile import compile_engines
from .output import visible

app = typer.Typer(
    name="edge-run",
    help="Fine-tune four CNNs on labelled scans, compile them, and answer at the bedside with one calibrated vote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("predict")(predict.predict)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("explain")(explain.explain)
app.command("compile")(compile_engines)
app.command("bench")(bench.bench)
app.command("verify")(bundles.verify)
app.command("doctor")(doctor.doctor)
app.add_typer(cases.app, name="cases")  # its commands are read only when one is called


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


# Eager: answered before a command is asked for.
Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
]


@app.callback()
def edge_run(version: Version = False) -> None:
    """Options that stand before the command."""


def main() -> None:
    """Run the command line; every failure family has its exit code (see :mod:`edge_run.errors`)."""
    try:
        app(prog_name="edge-run")
    except EdgeRunError as error:
        complain(error)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        # Typer leaves with 1 when the reader (head, less) has seen enough, which is no failure.
        if isinstance(stop.__context__, BrokenPipeError):
            # The interpreter must not complain while it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        raise
    except Exception as error:
        if os.environ.get("EDGE_RUN_DEBUG"):
            raise
        if isinstance(error, ImportError):
            _stop_where_broken()
        typer.echo(f"unexpected {type(error).__name__}: {error}\n  EDGE_RUN_DEBUG=1 shows where", err=True)
        sys.exit(1)


def console() -> None:
    """Run the command line as a process of its own."""
    keep_caches()
    answering = sys.argv[1:2] in (["predict"], ["explain"])
    if answering:
        _process.begin()
    try:
        main()
    except SystemExit as stop:
        if answering and isinstance(stop.code, int | None):
            _process.end(stop.code or 0)
        raise


def _stop_where_broken() -> None:
    """End the process where a required package cannot be imported."""
    from edge_run.machine.packages import find_broken, reinstall

    broken = find_broken()
    if broken:
        package, reason = broken
        complain(BackendError(f"{package} cannot be imported: {reason}", hint=f"{reinstall(package)}; edge-run doctor"))
        sys.exit(BackendError.exit_code)


def complain(error: EdgeRunError) -> None:
    """Say on stderr what happened and what mends it."""
    text = f"error: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else "")
    typer.echo("\n".join(visible(line) for line in text.split("\n")), err=True)
