"""The networks that all peers run, in the formats that they take."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edge_run.machine.cores import allowed_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from benchmarks.latency.peers.form import Call, Logits
    from edge_run import Bundle
    from edge_train.networks.member import Member
    from edge_train.run import Run

INT8 = "int8-cpu"
CALIBRATION = 8
"""Scans that ranges are measured on, where INT8 is made here: speed does not depend on them."""


class Material:
    """A bundle's networks.

    Parameters
    ----------
    bundle
        Has ``int8-cpu``.
    work
        Folder for what is exported here; what lies there from before is used again.
    run
        The bundle's PyTorch originals. Without them, networks of the same architectures with random weights stand in:
        the time of a convolution does not depend on its weights.
    """

    def __init__(self, bundle: Bundle, work: Path, run: Run | None = None) -> None:
        self.bundle, self._run = bundle, run
        self.ids = [member.id for member in bundle.manifest.members]
        self.archs = [member.arch for member in bundle.manifest.members]
        self.macs = [member.macs for member in bundle.manifest.members]
        self.size = bundle.manifest.preprocess.size
        self.classes = len(bundle.manifest.task.labels)
        self.cores = allowed_cores()
        self.scans = np.random.default_rng(0).integers(0, 256, (CALIBRATION, self.size, self.size), dtype=np.uint8)
        self.scan = np.ascontiguousarray(self.scans[:1, None])
        weights = "-".join(member.sha256[:8] for member in run.record.members) if run else "random"
        self.work = work / f"{weights}-{self.size}-{self.classes}"
        self.work.mkdir(parents=True, exist_ok=True)
        self._references: dict[str, Logits] = {}

    def prepare(self) -> None:
        """Make all files now, so that no form's load holds their making."""
        _ = self.fp32, self.int8_cpu, self.int8_trt
        if importlib.util.find_spec("nncf"):
            _ = self.nncf

    @property
    def weights(self) -> str:
        """Where the weights of what is not in the bundle come from."""
        return self._run.folder.name if self._run else "random weights (speed does not depend on them)"

    def originals(self) -> list[Member]:
        """New PyTorch networks in eval mode, in the bundle's order, the same weights each time."""
        import torch

        from edge_train.networks.member import Member

        if self._run:
            return [self._run.member(name) for name in self.ids]
        torch.manual_seed(0)
        return [Member(arch, self.classes).eval() for arch in self.archs]

    @cached_property
    def fp32(self) -> list[Path]:
        """The originals as ONNX, BatchNorm folded."""
        from edge_export.graphs.to_onnx import to_onnx

        paths = [self.work / f"{name}.fp32.onnx" for name in self.ids]
        if not all(path.is_file() for path in paths):
            for member, path in zip(self.originals(), paths, strict=True):
                to_onnx(member, path, self.size)
        return paths

    @cached_property
    def int8_cpu(self) -> list[bytes]:
        """The bundle's own INT8 artefacts."""
        return [self.bundle.model(member, INT8) for member in self.bundle.manifest.members]

    @cached_property
    def int8_trt(self) -> list[Path]:
        """INT8 in symmetric Q/DQ, which `edge-run` gives to OpenVINO where a bundle has it."""
        from edge_export.graphs.int8_trt import quantise_for_tensorrt
        from edge_export.graphs.ranges import measure_ranges

        made = []
        for fp32 in self.fp32:
            made.append(fp32.with_name(fp32.name.replace(".fp32.", ".int8-trt.")))
            if not made[-1].is_file():
                quantise_for_tensorrt(fp32, made[-1], measure_ranges(fp32, self.scans, ("minmax",))["minmax"])
        return made

    @cached_property
    def nncf(self) -> list[Path]:
        """INT8 by NNCF, which OpenVINO's documentation quantises with, as OpenVINO's own files."""
        paths = [fp32.with_name(fp32.name.replace(".fp32.onnx", ".nncf.xml")) for fp32 in self.fp32]
        if not all(path.is_file() for path in paths):
            import nncf
            import openvino

            core, data = openvino.Core(), nncf.Dataset([scan[None, None] for scan in self.scans])
            for fp32, path in zip(self.fp32, paths, strict=True):
                openvino.save_model(nncf.quantize(core.read_model(fp32), data, subset_size=CALIBRATION), path)
        return paths

    def reference(self, like: str) -> Logits:
        """Logits of the scan: PyTorch's for ``fp32``, ONNX Runtime's for ``int8-cpu``."""
        if like not in self._references:
            self._references[like] = self._originals_answer() if like == "fp32" else self._bundle_answers()
        return self._references[like]

    def _originals_answer(self) -> Logits:
        from edge_train.networks.infer import infer

        return [infer(member, self.scans[:1]) for member in self.originals()]

    def _bundle_answers(self) -> Logits:
        from edge_run import Ensemble

        with Ensemble(self.bundle, precision=INT8, backend="cpu") as ensemble:
            return [out.logits for out in ensemble.outputs(self.scan)]

    def side_by_side(self, answer: Sequence[Callable[[], np.ndarray]], stack: ExitStack) -> Call:
        """Call networks at the same time, as many as there are cores, the heaviest first."""
        pool = stack.enter_context(ThreadPoolExecutor(min(self.cores, len(answer))))
        order = sorted(range(len(answer)), key=lambda m: -self.macs[m])

        def call() -> Logits:
            running = {m: pool.submit(answer[m]) for m in order}
            return [running[m].result() for m in range(len(answer))]

        return call

    @property
    def share(self) -> int:
        """Threads of a network that runs beside the others."""
        return max(1, self.cores // min(self.cores, len(self.archs)))
