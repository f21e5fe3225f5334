"""Help with its options in sections, and commands whose modules are imported only when they are called."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDERS = {"<int range>": "N", "<int>": "N", "<float range>": "X", "<float>": "X", "<str>": "TEXT"}
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Command(TyperCommand):
    """A command whose help has one section for each ``rich_help_panel``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's Click has no public name
        """Write arguments and options, section by section, in the order of the function's parameters."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            if row is not None:
                usual = "Arguments" if param.param_type_name == "argument" else "Options"
                sections.setdefault(getattr(param, "rich_help_panel", None) or usual, []).append(row)
        general = sections.pop("Options", [])
        for title, rows in (*sections.items(), ("Options", general)):
            with formatter.section(title):
                formatter.write_dl([(_placeholders(option), _notes(text)) for option, text in rows])


class CommandGroup(TyperGroup):
    """Commands by section, each read from ``module:name`` when it is called.

    Typer builds every command that it knows at each start; ``predict`` shall not wait for the options of ``train``.

    Attributes
    ----------
    sections
        Title -> name of the command -> module of this package and its function or Typer app.
    """

    sections: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        """Names, in the order of the help."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Import a command; None where there is none of that name."""
        places = {name: place for commands in self.sections.values() for name, place in commands.items()}
        if cmd_name not in places:
            # Typer suggests from those that are there.
            for name in places:
                self.get_command(ctx, name)
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name, places[cmd_name])
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write names and one-line summaries, section by section."""
        longest = max(map(len, self.list_commands(ctx)))
        for title, commands in self.sections.items():
            with formatter.section(title):
                limit = formatter.width - 6 - longest
                # The same column in each section.
                formatter.write_dl(
                    [(f"{name:<{longest}}", self.get_command(ctx, name).get_short_help_str(limit)) for name in commands]
                )


def _placeholders(option: str) -> str:
    """Write ``--threads N`` where Typer writes the name of a type."""
    for typed, word in _PLACEHOLDERS.items():
        option = option.replace(typed, word)
    return option


def _notes(text: str) -> str:
    """Write default and range of an option between one pair of brackets."""
    return re.sub(r"default: \((.*?)\)(?=[];])", r"default: \1", text).replace("]  [", "; ")


def _load(name: str, place: str) -> Any:  # noqa: ANN401
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(f"{__package__}.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        app.command(name, cls=Command, context_settings=SETTINGS)(found)
        found = app
    command = typer.main.get_command(found)
    command.name = name
    return command
