"""torch.compile with Inductor: by default, and with weights frozen into the code; INT8 by PT2E of torchao."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.latency.peers.form import Form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from torch import nn

    from benchmarks.latency.peers.form import Call, Logits
    from benchmarks.latency.peers.material import Material

NAME = "torch.compile"


def forms(material: Material) -> list[Form]:
    """Both, and INT8 where torchao is at hand."""
    return [
        Form(NAME, "FP32", "channels last, frozen", lambda stack: _fp32(material, stack, freeze=True), "fp32"),
        Form(NAME, "FP32", "channels last", lambda stack: _fp32(material, stack, freeze=False), "fp32"),
        Form(NAME, "INT8", "PT2E of torchao, frozen", lambda stack: _int8(material, stack)),
    ]


def _fp32(material: Material, stack: ExitStack, *, freeze: bool) -> Call:
    import torch

    return _call(material, [m.to(memory_format=torch.channels_last) for m in material.originals()], stack, freeze)


def _int8(material: Material, stack: ExitStack) -> Call:
    import torch
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    scan = torch.from_numpy(material.scan)
    networks = []
    with torch.no_grad():
        for network in material.originals():
            prepared = prepare_pt2e(torch.export.export(network, (scan,)).module(), quantizer)
            for calibration in torch.from_numpy(material.scans):
                prepared(calibration[None, None])
            networks.append(convert_pt2e(prepared))
    return _call(material, networks, stack, freeze=True)


def _call(material: Material, networks: Sequence[nn.Module], stack: ExitStack, freeze: bool) -> Call:
    # Kept between measurements: compiling four networks takes minutes.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(material.work.parent.resolve() / "inductor"))
    import torch
    from torch._dynamo import config as dynamo

    # One forward serves all members: each is a recompilation, and past the default of 8 Dynamo stops compiling.
    stack.enter_context(dynamo.patch(recompile_limit=64))
    compiled = [torch.compile(network, dynamic=False, options={"freezing": freeze}) for network in networks]
    scan = torch.from_numpy(material.scan)

    def call() -> Logits:
        # Inductor freezes only where no gradient can be asked for; inference_mode would be another compilation.
        with torch.no_grad():
            return [network(scan)[0].numpy() for network in compiled]

    return call
