"""A PyTorch member -> one ONNX file that takes grey levels and returns logits and features."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import onnxscript  # noqa: F401 - torch.onnx.export needs it, and would say so only after the scans are read
import torch

from .graph import INPUT, OPSET, OUTPUTS, strip
from .quiet import errors_only

if TYPE_CHECKING:
    from pathlib import Path

    from edge_train.networks.member import Member


def to_onnx(member: Member, path: Path, size: int) -> None:
    """Write the FP32 artefact: ``scan [N, 1, size, size] uint8 -> logits, features``, BatchNorm folded, one file.

    Parameters
    ----------
    member
        Put into eval mode and the contiguous layout: GoogLeNet is another function in training, and channels_last is
        a matter of the machine that trains.
    """
    member.eval().to(memory_format=torch.contiguous_format)
    sample = torch.zeros(2, 1, size, size, dtype=torch.uint8)
    with warnings.catch_warnings(), errors_only(logging.getLogger("torch.onnx")):
        warnings.simplefilter("ignore")  # the exporter's own deprecations, none of which can be avoided here
        program = torch.onnx.export(
            member,
            (sample,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None  # noqa: S101 - narrows a type that also covers the exporter of old
    model = program.model_proto
    strip(model)
    path.write_bytes(model.SerializeToString())
