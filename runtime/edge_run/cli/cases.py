"""``edge-run cases``, without its commands: they are imported when one is called."""

from __future__ import annotations

import typer

from ._help import SETTINGS, CommandGroup


class _CaseCommands(CommandGroup):
    sections = {  # noqa: RUF012
        "Commands": {
            "list": "_case_commands:list_",
            "show": "_case_commands:show",
            "find": "_case_commands:find",
            "note": "_case_changes:note",
            "backup": "_case_commands:backup",
            "export": "_case_commands:export",
            "verify": "_case_checks:verify",
            "audit": "_case_audit:audit",
            "drift": "_case_checks:drift",
            "purge": "_case_changes:purge",
        }
    }


app = typer.Typer(
    cls=_CaseCommands,
    help="List, annotate and check the case log.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=SETTINGS,
)


@app.callback()
def cases() -> None:
    """List, annotate and check the case log."""
