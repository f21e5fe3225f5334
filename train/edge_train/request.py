"""What a training was started with, and the run folder that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_run.errors import UsageError

from . import run as runs
from .config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = "request.json"


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``request.json``: a resumed training must have the same settings, or its weights would be others."""

    config: TrainConfig
    data: str
    source: str
    arithmetic: str
    threads: int


def claim_folder(out: Path, request: Request, *, resume: bool) -> None:
    """Take the output folder for a training, or check that it holds this very training.

    Raises
    ------
    UsageError
        The folder is taken, holds a training with other settings, or holds nothing to resume.
    """
    file = out / REQUEST
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", hint="choose a folder as --out")
    if not resume:
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} is not empty", hint="add --resume to go on with it, or choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        runs.write(file, request)
        return
    if not file.exists():
        raise UsageError(f"there is no training to resume in {out}", hint="leave --resume out")
    different = _differences(request, runs.read(file, Request))
    if different:
        raise UsageError(
            f"{out} holds a training with other settings: {'; '.join(different)}",
            hint="give the settings it was started with, or choose another --out",
        )


def _differences(request: Request, begun: Request) -> list[str]:
    now, was = _flat(msgspec.to_builtins(request)), _flat(msgspec.to_builtins(begun))
    return [
        f"{name} was {was.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(now.keys() | was.keys())
        if now.get(name) != was.get(name)
    ]


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
