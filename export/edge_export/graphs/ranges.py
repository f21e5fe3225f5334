"""One pass over the calibration scans -> the range of every tensor that INT8 needs."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization.calibrate import HistogramCollector

from .graph import INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

Ranges = dict[str, tuple[float, float]]
"""Lowest and highest value that a tensor's eight bits must express, by name."""

METHODS = ("minmax", "percentile", "entropy")
# The histograms of ONNX Runtime's own calibrators, but for the bins of entropy: its 128 leave nothing to choose from.
_HISTOGRAMS = {"percentile": (2048, 128, 99.99), "entropy": (256, 128, 0.0)}

_QUANTISED = ("Conv", "Add", "Concat", "Relu", "MaxPool")


def measure_ranges(
    fp32: Path,
    scans: NDArray[np.uint8],
    methods: Collection[str],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Mapping[str, Ranges]:
    """Run the FP32 graph once over the scans and read off every tensor's range, by each method.

    One scan is in memory at a time, and of what came before only counts are kept: memory does not grow with the
    number of scans.

    Parameters
    ----------
    scans
        ``[N, H, W] uint8`` preprocessed training scans, at least one.
    methods
        Of `METHODS`. ``minmax``: the extremes. ``percentile``: all but a ten-thousandth of the values. ``entropy``: the
        cut that loses least information (Kullback-Leibler divergence between the histograms before and after).
    progress
        Called with (scans done, scans in all).
    """
    model = onnx.load(fp32)
    names = sorted(_tensors(model.graph))
    outputs = {o.name for o in model.graph.output}
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names if name not in outputs
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    collectors = {method: _MinMax() if method == "minmax" else _Histogram(method) for method in methods}
    for done, scan in enumerate(scans):
        tensors = session.run(names, {INPUT: scan[None, None]})
        values = {name: np.asarray(value) for name, value in zip(names, tensors, strict=True)}
        for collector in collectors.values():
            collector.add(values)
        progress(done + 1, len(scans))
    return {method: collector.ranges() for method, collector in collectors.items()}


def _tensors(graph: onnx.GraphProto) -> Iterable[str]:
    stored = {i.name for i in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in _QUANTISED]
    return {name for node in nodes for name in (*node.input, *node.output)} - stored


class _MinMax:
    def __init__(self) -> None:
        self._ranges: Ranges = {}

    def add(self, values: Mapping[str, NDArray[np.float32]]) -> None:
        for name, value in values.items():
            low, high = self._ranges.get(name, (np.inf, -np.inf))
            self._ranges[name] = min(low, float(value.min())), max(high, float(value.max()))

    def ranges(self) -> Ranges:
        return self._ranges


class _Histogram:
    def __init__(self, method: str) -> None:
        bins, quantised, percentile = _HISTOGRAMS[method]
        self._collector = HistogramCollector(method, False, bins, quantised, percentile, "same")

    def add(self, values: Mapping[str, NDArray[np.float32]]) -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # the collector prints
            self._collector.collect(values)

    def ranges(self) -> Ranges:
        with contextlib.redirect_stdout(io.StringIO()):
            ranges = self._collector.compute_collection_result()
        return {name: (float(low), float(high)) for name, (low, high, *_) in ranges.items()}
