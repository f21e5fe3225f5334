"""The precisions of an artefact: how each comes about from the FP32 graph, and what it may cost."""

from __future__ import annotations

import shutil
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from edge_export.graphs.fp16 import to_fp16
from edge_export.graphs.int8_cpu import quantise_for_cpu
from edge_export.graphs.int8_trt import quantise_for_tensorrt
from edge_run._files import unfinished_folder
from edge_run.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from edge_export.graphs.ranges import Ranges


class Tolerance(NamedTuple):
    """The most by which an artefact may differ from its original on the validation scans.

    Attributes
    ----------
    logit, probability
        Largest difference over scans and classes; probabilities are calibrated ones.
    flips
        Share of scans whose label differs.
    accuracy, sensitivity, auroc
        Largest loss; sensitivity at the operating point. A gain is no fault.
    """

    logit: float = inf
    probability: float = inf
    flips: float = inf
    accuracy: float = 0.005
    sensitivity: float = 0.01
    auroc: float = 0.005


class Recipe(NamedTuple):
    """How one precision is made and judged.

    Attributes
    ----------
    build
        Reads the FP32 graph at the first path, writes the artefact to the second, with the tensors' ranges and the
        names of convolutions that stay in float.
    calibrated
        Whether it needs ranges; where no recipe does, none are measured.
    symmetric
        Whether its eight bits are centred on zero, see :mod:`edge_export.gate.sensitivity`.
    half_scales
        See :class:`edge_export.graphs.simulate.Simulation`.
    member, vote
        What is accepted of one network, and of the vote.
    elsewhere
        Largest accepted difference in a logit on another machine.
    """

    build: Callable[[Path, Path, Ranges, Collection[str]], None]
    calibrated: bool
    symmetric: bool
    half_scales: bool
    member: Tolerance
    vote: Tolerance
    elsewhere: float


def _copy(fp32: Path, out: Path, _ranges: Ranges, _float_layers: Collection[str]) -> None:
    shutil.copyfile(fp32, out)


def _half(fp32: Path, out: Path, _ranges: Ranges, _float_layers: Collection[str]) -> None:
    to_fp16(fp32, out)


def _quantised_half(fp32: Path, out: Path, ranges: Ranges, float_layers: Collection[str]) -> None:
    with unfinished_folder(out.parent) as scratch:
        twin = scratch / "int8-trt.onnx"
        quantise_for_tensorrt(fp32, twin, ranges, float_layers)
        to_fp16(twin, out)


_EXACT = Tolerance(logit=1e-3, probability=1e-3, flips=0.0, accuracy=0.0, sensitivity=0.0, auroc=0.001)
_HALF = Tolerance(logit=0.1, probability=0.02, flips=0.005, auroc=0.002)
_EIGHT = Tolerance()
_EIGHT_VOTE = Tolerance(flips=0.005)

_FLOAT = Recipe(_copy, calibrated=False, symmetric=False, half_scales=False, member=_EXACT, vote=_EXACT, elsewhere=1e-3)
# INT8 kernels round differently without VNNI.
_INT8 = Recipe(
    quantise_for_cpu,
    calibrated=True,
    symmetric=False,
    half_scales=False,
    member=_EIGHT,
    vote=_EIGHT_VOTE,
    elsewhere=0.5,
)
RECIPES: Mapping[str, Recipe] = {
    "fp32": _FLOAT,
    "fp16": _FLOAT._replace(build=_half, member=_HALF, vote=_HALF, elsewhere=0.1),
    "int8-cpu": _INT8,
    "int8-trt": _INT8._replace(build=quantise_for_tensorrt, symmetric=True),
    "int8-trt-fp16": _INT8._replace(build=_quantised_half, symmetric=True, half_scales=True),
}
"""All precisions, and with them the whole table of tolerances."""


def chosen(precisions: Sequence[str], tolerances: Mapping[str, float] | None = None) -> dict[str, Recipe]:
    """Recipes of the precisions asked for, in that order, each once.

    Parameters
    ----------
    tolerances
        Other values for fields of `Tolerance`, for every precision, members and vote.

    Raises
    ------
    UsageError
        A precision or a tolerance is unknown, none was asked for, or a tolerance is not a number from 0 up.
    """
    unknown = sorted(set(precisions) - set(RECIPES))
    if unknown or not precisions:
        problem = f"precision {', '.join(map(repr, unknown))} is unknown" if unknown else "no precision is given"
        raise UsageError(problem, hint=f"choose from {', '.join(RECIPES)}")
    own = dict(tolerances or {})
    if not set(own) <= set(Tolerance._fields) or any(not 0 <= value < inf for value in own.values()):
        raise UsageError(
            f"tolerances {own} are not understood",
            hint=f"give a number from 0 up for {', '.join(Tolerance._fields)}: --tolerance accuracy=0.01",
        )
    recipes = {precision: RECIPES[precision] for precision in precisions}
    return {
        precision: recipe._replace(member=recipe.member._replace(**own), vote=recipe.vote._replace(**own))
        for precision, recipe in recipes.items()
    }
