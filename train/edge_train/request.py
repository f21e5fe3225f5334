"""What a training was started with, and the run folder that belongs to it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from edge_run._files import sweep_unfinished
from edge_run.errors import UsageError

from . import run as runs
from .config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = "request.json"
SPLITS_TABLE = "splits.csv"


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``request.json``: a resumed training must have the same settings, or its weights would be others.

    The positive class and the operating point concern the vote alone: they are kept for who resumes, and may change.
    """

    config: TrainConfig
    data: str
    source: str
    arithmetic: str
    threads: int
    positive: str | None = None
    operating_point: str | None = None


NOT_COMPARED = ("positive", "operating_point")
"""Settings of the vote, which a resumed training fits again."""


@contextmanager
def claimed_folder(out: Path, request: Request, *, resume: bool) -> Iterator[None]:
    """Hold the output folder for one training, new or resumed.

    A folder in which a training was started but no epoch ended counts as empty: a download that was refused or Ctrl-C
    leaves nothing that is worth keeping.

    Raises
    ------
    UsageError
        Another training works in the folder, the folder is taken, or it holds a training with other settings or none.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", hint="choose a folder as --out")
    if resume and not (out / REQUEST).exists():
        raise UsageError(f"there is no training to resume in {out}", hint="leave --resume out")
    if not resume and out.exists() and not _is_unused(out):
        raise UsageError(f"{out} is not empty", hint="add --resume to go on with it, or choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        if resume:
            _check_same(out, request, runs.read(out / REQUEST, Request))
        runs.write(out / REQUEST, request)
        yield


def _is_unused(out: Path) -> bool:
    """Tell whether a folder is empty, or holds no more than the beginning of a training."""
    sweep_unfinished(out)
    files = [path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()]
    return not any(out.iterdir()) or (REQUEST in files and set(files) <= {REQUEST, SPLITS_TABLE})


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(opened)
        raise UsageError(
            f"another training works in {folder}", hint="wait until it ends, or choose another --out"
        ) from error
    except OSError:
        # Some network file systems have no locks; that is no reason not to train.
        pass
    try:
        yield
    finally:
        os.close(opened)


def _check_same(out: Path, request: Request, begun: Request) -> None:
    """Check that a resumed training has the settings it was started with.

    Members may be added and left out, because none depends on the others; one that stays must stay what it is.
    """
    both = {member.id for member in request.config.members} & {member.id for member in begun.config.members}
    now, was = _by_name(request, both), _by_name(begun, both)
    different = [
        f"{name} was {was.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(now.keys() | was.keys())
        if now.get(name) != was.get(name)
    ]
    if different:
        raise UsageError(
            f"{out} holds a training with other settings: {'; '.join(different)}",
            hint="give the settings it was started with, or choose another --out",
        )


def _by_name(request: Request, members: set[str]) -> dict[str, Any]:
    """Return the settings by name, with those of some members alone."""
    config = request.config
    settings = _flat(msgspec.to_builtins(request))
    own = {
        name: value
        for name, value in settings.items()
        if not name.startswith(("config.members", "config.member_e")) and name not in NOT_COMPARED
    }
    for member in config.members:
        if member.id in members:
            own[f"{member.id}.network"], own[f"{member.id}.seed"] = member.arch, member.seed
            own[f"{member.id}.epochs"] = config.epochs_for(member.id)
    return own


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
