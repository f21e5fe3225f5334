"""Choices of options: names that Typer checks and that complete with TAB.

What `edge_train` and `edge_export` choose from stands here a second time, because their modules import PyTorch; a test
compares the two. Names of bundles, backends and precisions come from their own tables when TAB is pressed.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Word(str, enum.Enum):
    """A choice whose value is the word on the command line."""

    def __str__(self) -> str:
        return str(self.value)


class Split(Word):
    """Which part of a data set."""

    TRAIN, VAL, TEST = "train", "val", "test"


class Balance(Word):
    """How a training evens out the classes."""

    LOSS, NONE = "loss", "none"


class Arithmetic(Word):
    """What a training computes in; ``auto`` takes bfloat16 where the machine has it."""

    AUTO, BF16, FP32 = "auto", "bf16-mixed", "32-true"


class Accelerator(Word):
    """What Lightning trains on."""

    AUTO, CPU, GPU = "auto", "cpu", "gpu"


class Calibration(Word):
    """How scans set the ranges of INT8."""

    MINMAX, PERCENTILE, ENTROPY, BEST = "minmax", "percentile", "entropy", "best"


class Modality(Word):
    """DICOM's defined terms for what the scans are."""

    CT, CR, DX, MR = "CT", "CR", "DX", "MR"


NETWORKS = ("googlenet", "resnet18", "resnet50", "resnet101")
EXPORTED_PRECISIONS = ("fp32", "fp16", "int8-cpu", "int8-trt", "int8-trt-fp16")
SERVED = ("cpu", "cuda", "tensorrt")


def bundle_names(incomplete: str) -> list[str]:
    """Installed bundles whose name begins so."""
    from edge_run.bundle.installed import installed_bundles

    return _beginning((bundle.name for bundle in installed_bundles()), incomplete)


def backend_names(incomplete: str) -> list[str]:
    """``auto`` and the backends whose name begins so."""
    from edge_run.backends import AUTO, BACKENDS

    return _beginning((AUTO, *BACKENDS), incomplete)


def precision_names(incomplete: str) -> list[str]:
    """Precisions that some backend runs and whose name begins so."""
    from edge_run.backends import BACKENDS

    known = dict.fromkeys(precision for backend in BACKENDS.values() for precision in backend.precisions)
    return _beginning(sorted(known), incomplete)


def ray_addresses(incomplete: str) -> list[str]:
    """Words that stand for a Ray cluster."""
    return _beginning(("local", "auto"), incomplete)


def listed(names: Iterable[str] | Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Complete the last of several names that commas separate."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        found = names(last) if callable(names) else _beginning(names, last)
        return [f"{before}{comma}{name}" for name in found]

    return complete


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
