"""What a site can set, from the types that its file is read into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from edge_run.node.results.answer import ResultOptions
from edge_run.node.settings import Destination, Peer, Settings, Tls

from .tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS = (("", Settings), ("peers.", Peer), ("destinations.", Destination), ("tls.", Tls), ("results.", ResultOptions))
_PARTS_OF_ITSELF = ("peers", "destinations", "tls", "results")


def configuration() -> str:
    """List every setting with its default and what its documentation says."""
    rows: list[tuple[str, str, str]] = []
    for prefix, kind in _PARTS:
        said = _documented(kind.__doc__ or "")
        rows += [
            (f"`{prefix}{name}`", default, said.get(name, ""))
            for name, default in _defaults(kind)
            if prefix or name not in _PARTS_OF_ITSELF
        ]
    return table(("setting", "default", "meaning"), rows)


def _defaults(kind: type) -> Iterator[tuple[str, str]]:
    """Yield name and default of each field of a struct or dataclass."""
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        value = field.default
        shown = (
            "" if value in ("", None, (), msgspec.NODEFAULT) else str(value).lower() if value is False else str(value)
        )
        yield field.name, "required" if field.required else shown


def _documented(text: str) -> dict[str, str]:
    """Take the attributes out of a docstring: names on a line, indented text below."""
    _, _, listed = text.partition("----------\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines():
        if re.fullmatch(r" {4}\w+(, \w+)*", line):
            names = [name.strip() for name in line.split(",")]
        elif line.strip():
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return {name: said.replace("``", "`") for name, said in found.items()}
