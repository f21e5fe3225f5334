"""The precisions of an artefact, and how each comes about from the FP32 graph."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import UsageError

from .quantise import quantise_for_cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class Recipe(NamedTuple):
    """How one precision is made.

    Attributes
    ----------
    make
        Reads the FP32 graph at the first path, writes the artefact to the second; the third argument are the
        calibration scans ``[K, H, W] uint8``.
    calibrated
        Whether it looks at the scans; where no recipe does, none are read.
    tolerance
        Largest accepted difference in a logit on another machine.
    """

    make: Callable[[Path, Path, NDArray[np.uint8]], None]
    calibrated: bool
    tolerance: float


def _copy(fp32: Path, out: Path, calibration: NDArray[np.uint8]) -> None:  # noqa: ARG001 - a Recipe's signature
    shutil.copyfile(fp32, out)


RECIPES: Mapping[str, Recipe] = {
    "fp32": Recipe(_copy, calibrated=False, tolerance=1e-3),
    # INT8 kernels round differently without VNNI.
    "int8-cpu": Recipe(quantise_for_cpu, calibrated=True, tolerance=0.5),
}


def chosen(precisions: Sequence[str]) -> dict[str, Recipe]:
    """Recipes of the precisions asked for, in that order, each once.

    Raises
    ------
    UsageError
        One is unknown, or none was asked for.
    """
    unknown = sorted(set(precisions) - set(RECIPES))
    if unknown or not precisions:
        problem = f"precision {', '.join(map(repr, unknown))} is unknown" if unknown else "no precision is given"
        raise UsageError(problem, mend=f"choose from {', '.join(RECIPES)}")
    return {precision: RECIPES[precision] for precision in precisions}
