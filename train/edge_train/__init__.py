"""Labelled scans -> run directory. Needs the extra ``train``.

A name is loaded when it is first used, because not everything here needs PyTorch: a data set is read, and a
bundle evaluated, without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from .config import MemberSpec, TrainConfig, default_members, parse_members
    from .data.augment import NONE as NO_AUGMENTATION
    from .data.dataset import read_folders, write_splits_csv
    from .data.decode import decode
    from .data.samples import Dataset, Sample
    from .evaluate.metrics import Metrics, measure
    from .networks.infer import infer, use_threads
    from .networks.member import ARCHITECTURES, Member
    from .networks.orthogonal_spheres import OrthogonalSpheres
    from .run import Run
    from .training import train

__all__ = [
    "ARCHITECTURES",
    "NO_AUGMENTATION",
    "Dataset",
    "Member",
    "MemberSpec",
    "Metrics",
    "OrthogonalSpheres",
    "Run",
    "Sample",
    "TrainConfig",
    "decode",
    "default_members",
    "infer",
    "measure",
    "parse_members",
    "read_folders",
    "train",
    "use_threads",
    "write_splits_csv",
]

_HOMES = {
    "ARCHITECTURES": "networks.member.ARCHITECTURES",
    "NO_AUGMENTATION": "data.augment.NONE",
    "Dataset": "data.samples.Dataset",
    "Member": "networks.member.Member",
    "MemberSpec": "config.MemberSpec",
    "Metrics": "evaluate.metrics.Metrics",
    "OrthogonalSpheres": "networks.orthogonal_spheres.OrthogonalSpheres",
    "Run": "run.Run",
    "Sample": "data.samples.Sample",
    "TrainConfig": "config.TrainConfig",
    "decode": "data.decode.decode",
    "default_members": "config.default_members",
    "infer": "networks.infer.infer",
    "measure": "evaluate.metrics.measure",
    "parse_members": "config.parse_members",
    "read_folders": "data.dataset.read_folders",
    "train": "training.train",
    "use_threads": "networks.infer.use_threads",
    "write_splits_csv": "data.dataset.write_splits_csv",
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
