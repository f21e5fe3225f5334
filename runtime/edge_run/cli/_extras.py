"""The other three packages, reached only when a command needs them."""

from __future__ import annotations

import importlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from types import ModuleType


def need(module: str, extra: str) -> ModuleType:
    """Import a module of an optional part.

    Raises
    ------
    BackendError
        A package of the extra is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BackendError(
            f"this command needs {error.name}, which is not installed",
            hint=f"pip install 'edge-run[{extra}]'",
        ) from error


def command_line() -> str:
    """Return the command as it can be recorded.

    Paths are cut to their last part, since records travel and disks do not. ``--resume`` is left out: with or without
    it the result is the same.
    """
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:] if word != "--resume"]
    return shlex.join(["edge-run", *words])
