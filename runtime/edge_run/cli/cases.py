"""``edge-run cases``, without its commands: they are read when one is called."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class _Later(TyperGroup):
    """A group that costs the other commands nothing: Typer builds every command at each start, of ``predict`` too."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own Click, which has no public name
        self._fill()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        self._fill()
        return super().get_command(ctx, cmd_name)

    def _fill(self) -> None:
        if not self.commands:
            from ._case_commands import app as whole

            self.commands = typer.main.get_group(whole).commands


app = typer.Typer(
    cls=_Later, help="The case log: list, annotate, check, purge.", no_args_is_help=True, rich_markup_mode=None
)
