"""Wiring: the commands, and the exit code of every kind of error."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from edge_run._telemetry import keep_caches
from edge_run._version import __version__
from edge_run.errors import BackendError, EdgeRunError, UsageError
from edge_run.machine import core_dumps

from . import _process
from ._help import SETTINGS, CommandGroup
from ._interrupt import EXIT_CODE as INTERRUPTED
from ._interrupt import Interrupted
from .output import report_error, say, show_log


class _Commands(CommandGroup):
    sections = {  # noqa: RUF012
        "Answer scans": {
            "predict": "predict:predict",
            "watch": "watch:watch",
            "serve": "serve:serve",
            "tokens": "tokens:app",
            "node": "node:app",
            "batch": "batch:app",
            "explain": "explain:explain",
            "cases": "cases:app",
        },
        "Make a bundle": {
            "train": "train:train",
            "evaluate": "evaluate:evaluate",
            "export": "export:export",
            "derive": "derive:derive",
            "compile": "compile:compile_engines",
            "recalibrate": "recalibrate:recalibrate",
        },
        "Look at a bundle or this machine": {
            "bundles": "bundles:bundles",
            "info": "info:info",
            "verify": "verify:verify",
            "bench": "bench:bench",
            "doctor": "doctor:doctor",
        },
    }


app = typer.Typer(
    name="edge-run",
    cls=_Commands,
    help="Fine-tune four CNNs on labelled scans, compile them, and answer at the bedside with one calibrated vote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


# Eager: it is handled before a command is looked for.
Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
]


@app.callback()
def edge_run(version: Version = False) -> None:
    """Options that stand before the command."""


def main() -> None:
    """Run the command line and leave with its exit code (see :mod:`edge_run.errors`)."""
    sys.exit(_run())


def console() -> None:
    """Run the command line as a process of its own."""
    _process.open_closed_streams()
    # A crash must not leave patients' scans on the disk.
    core_dumps.disable()
    keep_caches()
    leaves_at_once = sys.argv[1:2] in (["predict"], ["explain"])
    if leaves_at_once:
        _process.begin()
    code = _run()
    if leaves_at_once:
        _process.end(code)
    sys.exit(code)


def _run() -> int:
    show_log()
    try:
        code = app(prog_name="edge-run", standalone_mode=False)
    except EdgeRunError as error:
        report_error(error.message, error.hint)
        return error.exit_code
    except Interrupted as stop:
        say(f"\ninterrupted: {stop}")
        return INTERRUPTED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as stop:
        return _left(stop)
    except typer.Abort:
        say("nothing was done")
        return 1
    except Exception as error:  # noqa: BLE001 - each has its message and its exit code
        return _failed(error)
    if code == INTERRUPTED:
        say("\ninterrupted")
    return code if isinstance(code, int) else 0


def _left(stop: SystemExit) -> int:
    # Typer leaves with 1 when the reader (head, less) has seen enough, which is no failure.
    if isinstance(stop.__context__, BrokenPipeError):
        # The interpreter must not complain while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def _failed(error: Exception) -> int:
    """Report what Typer refused, or what nobody expected."""
    format_message = getattr(error, "format_message", None)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        report_error("the output cannot be written: no space is left", "make room, or write to another disk")
        return EdgeRunError.exit_code
    if format_message is None:
        if os.environ.get("EDGE_RUN_DEBUG"):
            raise error
        if isinstance(error, ImportError) and _report_broken_package():
            return BackendError.exit_code
        report_error(f"unexpected {type(error).__name__}: {error}", "EDGE_RUN_DEBUG=1 shows where it happened")
        return EdgeRunError.exit_code
    message, context = format_message(), getattr(error, "ctx", None)
    if not message or type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
        return UsageError.exit_code
    message = message.rstrip(".").strip()
    report_error(message[:1].lower() + message[1:], f"{context.command_path} --help" if context else "")
    return UsageError.exit_code


def _report_broken_package() -> bool:
    """Report a required package that cannot be imported; False where all can."""
    from edge_run.machine.packages import find_broken, reinstall

    broken = find_broken()
    if broken:
        package, reason = broken
        report_error(f"{package} cannot be imported: {reason}", f"{reinstall(package)}; edge-run doctor")
    return bool(broken)
