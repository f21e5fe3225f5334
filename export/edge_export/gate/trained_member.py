"""A trained member: what its artefacts are built from and compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_export.graphs.macs import multiply_adds
from edge_export.graphs.ranges import Ranges, measure_ranges
from edge_export.graphs.to_onnx import to_onnx
from edge_run.voting.vote import softmax
from edge_train.networks.infer import infer

from .output import MemberOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_export.scans.export_scans import ExportScans
    from edge_train.run import Run, Voter


class TrainedMember(NamedTuple):
    """A member of the run, before it is compiled.

    Attributes
    ----------
    fp32
        Its FP32 graph, in the folder where its artefacts are made.
    ranges
        Of the graph's tensors, by method; empty where nothing is quantised.
    output
        PyTorch's output on the validation scans.
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
    output: MemberOutput
    head: NDArray[np.float32]
    macs: int


def load_trained_member(
    run: Run,
    voter: Voter,
    scans: ExportScans,
    scratch: Path,
    methods: Collection[str],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TrainedMember:
    """Run a member on the validation scans, write its FP32 graph, and measure the ranges of the graph's tensors."""
    member = run.member(voter.id)
    logits = infer(member, scans.validation.pixels)
    fp32 = scratch / f"{voter.id}.fp32.onnx"
    to_onnx(member, fp32, run.record.config.preprocess.size)
    return TrainedMember(
        voter.id,
        member.arch,
        voter.weight,
        fp32,
        measure_ranges(fp32, scans.calibration, methods, progress) if methods else {},
        MemberOutput(logits, voter.temperature, softmax(logits, voter.temperature)),
        member.head.weight.detach().numpy(),
        multiply_adds(fp32),
    )
