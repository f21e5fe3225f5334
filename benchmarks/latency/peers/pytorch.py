"""PyTorch eager, as its tuning guide for CPUs advises: inference mode, channels last, BatchNorm folded."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING

from benchmarks.latency.peers.form import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from torch import nn

    from benchmarks.latency.peers.form import Call, Logits
    from benchmarks.latency.peers.material import Material

NAME = "PyTorch eager"


def forms(material: Material) -> list[Form]:
    """Layouts with BatchNorm apart and folded; INT8 by FX graph mode, the one that comes with PyTorch."""

    def fp32(*, last: bool, fold: bool) -> Callable[[ExitStack], Call]:
        return lambda _: _call(material, [_folded(m) if fold else m for m in material.originals()], last=last)

    floats = [
        Form(
            NAME,
            "FP32",
            ("channels last" if last else "contiguous") + (", BatchNorm folded" if fold else ""),
            fp32(last=last, fold=fold),
            "fp32",
        )
        for last in (True, False)
        for fold in (True, False)
    ]
    return [*floats, Form(NAME, "INT8", "FX graph mode, x86 kernels", lambda _: _int8(material))]


def _call(material: Material, networks: Sequence[nn.Module], *, last: bool) -> Call:
    import torch

    torch.set_num_threads(material.cores)
    layout = torch.channels_last if last else torch.contiguous_format
    laid_out = [network.to(memory_format=layout) for network in networks]
    scan = torch.from_numpy(material.scan)

    def call() -> Logits:
        with torch.inference_mode():
            return [network(scan)[0].numpy() for network in laid_out]

    return call


def _folded(network: nn.Module) -> nn.Module:
    from torch.fx.experimental.optimization import fuse

    return fuse(network)


def _int8(material: Material) -> Call:
    import torch
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    scan = torch.from_numpy(material.scan)
    networks = []
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # it is on its way out, and says so many times
        torch.backends.quantized.engine = "x86"
        for network in material.originals():
            prepared = prepare_fx(copy.deepcopy(network), get_default_qconfig_mapping("x86"), (scan,))
            for calibration in torch.from_numpy(material.scans):
                prepared(calibration[None, None])
            networks.append(convert_fx(prepared))
    return _call(material, networks, last=False)
