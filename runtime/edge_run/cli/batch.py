"""``edge-run batch``, without its commands: they are imported when one is called."""

from __future__ import annotations

from typing import Any

import typer

from ._help import SETTINGS, CommandGroup

USUAL = "run"
LOCAL_RAY = "local"


class _BatchCommands(CommandGroup):
    sections = {  # noqa: RUF012
        "Commands": {
            "run": "_batch_commands:run",
            "list": "_batch_commands:list_",
            "merge": "_batch_commands:merge",
        }
    }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's Click has no public name
        """Take ``edge-run batch PATH...`` for ``edge-run batch run PATH...``, and ``--ray`` alone for ``--ray local``."""
        names = [*self.list_commands(ctx), "-h", "--help"]
        if args and args[0] not in names:
            args = [USUAL, *args]
        for n, word in enumerate(args):
            if word == "--ray" and (n + 1 == len(args) or args[n + 1].startswith("-")):
                args = [*args[: n + 1], LOCAL_RAY, *args[n + 1 :]]
                break
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=_BatchCommands,
    help="Answer an archive in shards, on many machines.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=SETTINGS,
)


@app.callback()
def batch() -> None:
    """Answer an archive in shards, on many machines.

    `edge-run batch PATH... --out DIR` is short for `edge-run batch run PATH... --out DIR`.
    """
