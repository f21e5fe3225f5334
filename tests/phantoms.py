"""Phantom scans for tests: the drawings of samples/, alone or as a small data set."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

SAMPLES = Path(__file__).parents[1] / "samples"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its own modules lie beside it, as when it is run as a script.
    sys.path.insert(0, str(SAMPLES))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SAMPLES))
    return module


_draw = _load("draw")
chest_ct = _draw.chest_ct
chest_xray = _draw.chest_xray
write_dataset = _load("dataset").write_dataset
