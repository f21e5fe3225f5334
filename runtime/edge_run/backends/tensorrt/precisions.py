"""The precisions to compile: a pure function of what the user wants and what the bundle has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.backends.table import BACKENDS
from edge_run.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What TensorRT runs, best first.
PRECISIONS = BACKENDS["tensorrt"].precisions
INT8, INT8_TRT = "int8", "int8-trt"
# The accelerator computes in INT8 and FP16.
NOT_ON_DLA = "fp32"


def choose(names: Sequence[str] | None, available: Sequence[str], *, dla: bool = False) -> tuple[str, ...]:
    """Choose precisions to compile.

    Parameters
    ----------
    names
        Names of precisions, or ``int8`` for the best INT8 that the bundle has; None for all that TensorRT runs.
    available
        The bundle's precisions.
    dla
        Whether the engines are for the deep learning accelerator.

    Returns
    -------
    Each precision once, in the order of ``names``; best first without names.

    Raises
    ------
    UsageError
        One is unknown, or the bundle does not have it.
    BackendError
        One is not for TensorRT, or not for the accelerator, or the bundle has none for TensorRT.
    """
    fitting = [name for name in PRECISIONS if name in available]
    if names is not None:
        chosen = [_named(name, fitting) for name in names]
    elif fitting:
        chosen = [name for name in fitting if not (dla and name == NOT_ON_DLA)]
    else:
        raise BackendError(
            f"none of the bundle's precisions ({', '.join(available)}) is for TensorRT", hint=_exporting(PRECISIONS)
        )
    if not chosen or (dla and NOT_ON_DLA in chosen):
        raise BackendError(
            "the deep learning accelerator does not compute in fp32", hint="--dla --precision fp16, or without --dla"
        )
    return tuple(dict.fromkeys(chosen))


def _named(name: str, fitting: Sequence[str]) -> str:
    if name == INT8:
        name = next((have for have in fitting if have.startswith(INT8_TRT)), INT8_TRT)
    if name == "int8-cpu":
        raise BackendError(
            "int8-cpu is quantised for processors: its zero points are not 0, and TensorRT takes no others",
            hint="--precision int8, with a bundle exported at int8-trt-fp16 or int8-trt",
        )
    if name not in PRECISIONS:
        known = ", ".join((INT8, *PRECISIONS))
        raise UsageError(f"TensorRT runs no precision {name!r}", hint=f"choose from {known}")
    if name not in fitting:
        others = f"choose from {', '.join(fitting)}, or " if fitting else ""
        raise UsageError(f"the bundle has no precision {name!r}", hint=others + _exporting([name]))
    return name


def _exporting(precisions: Sequence[str]) -> str:
    return f"export the bundle with edge-run export --precision {','.join(precisions)}"
