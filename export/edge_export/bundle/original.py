"""What all artefacts of one member are made of and held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_export.graphs.macs import multiply_adds
from edge_export.graphs.ranges import Ranges, measure_ranges
from edge_export.graphs.to_onnx import to_onnx
from edge_run.voting.vote import softmax
from edge_train.networks.infer import infer

from .artefact import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_train.run import Run, Voter

    from .material import Material


class Original(NamedTuple):
    """A member of the run.

    Attributes
    ----------
    fp32
        Its FP32 graph, in the folder where its artefacts are made.
    ranges
        Of the graph's tensors, by method; empty where nothing is quantised.
    answers
        PyTorch's, on the validation scans.
    head
        ``[classes, width] float32``: the final Linear's weight.
    macs
        Multiply-adds of one scan.
    """

    id: str
    arch: str
    weight: float
    fp32: Path
    ranges: Mapping[str, Ranges]
    answers: Answers
    head: NDArray[np.float32]
    macs: int


def take(
    run: Run,
    voter: Voter,
    material: Material,
    scratch: Path,
    methods: Collection[str],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Original:
    """Ask a member for its answers, write its FP32 graph, and measure the ranges of the graph's tensors."""
    member = run.member(voter.id)
    logits = infer(member, material.validation.pixels)
    fp32 = scratch / f"{voter.id}.fp32.onnx"
    to_onnx(member, fp32, run.record.config.preprocess.size)
    return Original(
        voter.id,
        member.arch,
        voter.weight,
        fp32,
        measure_ranges(fp32, material.calibration, methods, progress) if methods else {},
        Answers(logits, voter.temperature, softmax(logits, voter.temperature)),
        member.head.weight.detach().numpy(),
        multiply_adds(fp32),
    )
