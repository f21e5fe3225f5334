"""Labelled scans -> run directory. Needs the extra ``train``.

A name is loaded when it is first used, because not everything here needs PyTorch: a data set is read, and a
bundle evaluated, without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from .config import TrainConfig, default_members, parse_members
    from .data.augment import NONE as NO_AUGMENTATION
    from .data.dataset import Dataset, Sample, read_folders
    from .networks.infer import use_threads
    from .networks.member import ARCHITECTURES, Member
    from .networks.orthogonal_spheres import OrthogonalSpheres
    from .run import Run
    from .training import train

__all__ = [
    "ARCHITECTURES",
    "NO_AUGMENTATION",
    "Dataset",
    "Member",
    "OrthogonalSpheres",
    "Run",
    "Sample",
    "TrainConfig",
    "default_members",
    "parse_members",
    "read_folders",
    "train",
    "use_threads",
]

_HOMES = {
    "ARCHITECTURES": "networks.member.ARCHITECTURES",
    "NO_AUGMENTATION": "data.augment.NONE",
    "Dataset": "data.dataset.Dataset",
    "Member": "networks.member.Member",
    "OrthogonalSpheres": "networks.orthogonal_spheres.OrthogonalSpheres",
    "Run": "run.Run",
    "Sample": "data.dataset.Sample",
    "TrainConfig": "config.TrainConfig",
    "default_members": "config.default_members",
    "parse_members": "config.parse_members",
    "read_folders": "data.dataset.read_folders",
    "train": "training.train",
    "use_threads": "networks.infer.use_threads",
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
    module, _, attribute = _HOMES[name].rpartition(".")
    try:
        value: object = getattr(importlib.import_module(f".{module}", __name__), attribute)
    except ModuleNotFoundError as error:
        raise BackendError(
            f"edge_train.{name} needs {error.name}, which is not installed",
            hint="pip install 'edge-run[train]'",
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
