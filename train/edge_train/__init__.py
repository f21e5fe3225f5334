"""Labelled scans -> run directory. Needs the extra ``train``.

A name is loaded when it is first used, because not everything here needs PyTorch: a data set is read, and a
bundle evaluated, without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from edge_run.metrics.figures import Metrics, measure

    from .config import MemberSpec, TrainConfig, default_members, parse_members
    from .data.augment import NONE as NO_AUGMENTATION
    from .data.dataset import read_folders, write_splits_csv
    from .data.decode import decode
    from .data.samples import Dataset, Sample
    from .fit.terminal import show_training
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
    "show_training",
    "train",
    "use_threads",
    "write_splits_csv",
]

_HOMES = {
    "ARCHITECTURES": "edge_train.networks.member.ARCHITECTURES",
    "NO_AUGMENTATION": "edge_train.data.augment.NONE",
    "Dataset": "edge_train.data.samples.Dataset",
    "Member": "edge_train.networks.member.Member",
    "MemberSpec": "edge_train.config.MemberSpec",
    "Metrics": "edge_run.metrics.figures.Metrics",
    "OrthogonalSpheres": "edge_train.networks.orthogonal_spheres.OrthogonalSpheres",
    "Run": "edge_train.run.Run",
    "Sample": "edge_train.data.samples.Sample",
    "TrainConfig": "edge_train.config.TrainConfig",
    "decode": "edge_train.data.decode.decode",
    "default_members": "edge_train.config.default_members",
    "infer": "edge_train.networks.infer.infer",
    "measure": "edge_run.metrics.figures.measure",
    "parse_members": "edge_train.config.parse_members",
    "read_folders": "edge_train.data.dataset.read_folders",
    "show_training": "edge_train.fit.terminal.show_training",
    "train": "edge_train.training.train",
    "use_threads": "edge_train.networks.infer.use_threads",
    "write_splits_csv": "edge_train.data.dataset.write_splits_csv",
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
        value: object = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise BackendError(
            f"edge_train.{name} needs {error.name}, which is not installed",
            hint="pip install 'edge-run[train]'",
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
