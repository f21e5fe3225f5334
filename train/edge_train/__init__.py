"""Labelled scans -> run directory. Needs the extra ``train``.

A name is loaded when it is first used, because not everything here needs PyTorch: a data set is read, and a
bundle evaluated, without it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from .augment import NONE as NO_AUGMENTATION
    from .config import TrainConfig
    from .data import Dataset, Sample, read_folders
    from .networks import ARCHITECTURES, Member
    from .orthogonal_spheres import OrthogonalSpheres
    from .run import Run
    from .train import train, use_threads

__all__ = [
    "ARCHITECTURES",
    "NO_AUGMENTATION",
    "Dataset",
    "Member",
    "OrthogonalSpheres",
    "Run",
    "Sample",
    "TrainConfig",
    "read_folders",
    "train",
    "use_threads",
]

_HOMES = {
    "ARCHITECTURES": "networks.ARCHITECTURES",
    "NO_AUGMENTATION": "augment.NONE",
    "Dataset": "data.Dataset",
    "Member": "networks.Member",
    "OrthogonalSpheres": "orthogonal_spheres.OrthogonalSpheres",
    "Run": "run.Run",
    "Sample": "data.Sample",
    "TrainConfig": "config.TrainConfig",
    "read_folders": "data.read_folders",
    "train": "train.train",
    "use_threads": "train.use_threads",
}


def __getattr__(name: str) -> object:
    """Load a public name.

    Raises
    ------
    BackendError
        A package that it needs is not installed.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(".")
    try:
        value: object = getattr(importlib.import_module(f".{module}", __name__), attribute)
    except ModuleNotFoundError as error:
        raise BackendError(
            f"edge_train.{name} needs {error.name}, which is not installed",
            mend="pip install 'edge-run[train]'",
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps ``edge_train.train`` the function: importing the submodule would bind the module to that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
