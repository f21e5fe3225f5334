"""ONNX -> TensorRT plan, by one code path for TensorRT 10.3 to 11.4.

The network is strongly typed: which layers compute in INT8 or FP16 is written in the ONNX file, by its
QuantizeLinear/DequantizeLinear pairs and its types. No precision flag is set, and TensorRT 11 has none left.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from edge_run.backends.checks import require_self_contained
from edge_run.errors import BackendError

from . import api
from .log import log_of
from .progress import monitor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_run.backends.network import Network

    from .engines import Options

# Weights outside the model's own bytes would be read from beside this path, where no file can be; without a path
# TensorRT reads them from the working directory.
_NOWHERE = "/dev/null/model.onnx"
_MIB = 2**20


class Built(NamedTuple):
    """The result of a build.

    Attributes
    ----------
    plan
        The serialized engine.
    timing_cache
        The measured times of this device's kernels, which make the next build shorter.
    convolutions, quantised
        The number of convolutions of the network, and of those that compute in INT8.
    """

    plan: bytes
    timing_cache: bytes
    convolutions: int
    quantised: int


def build(
    network: Network,
    options: Options,
    *,
    timing_cache: bytes = b"",
    progress: Callable[[float], None] = lambda share: None,  # noqa: ARG005
    stopped: threading.Event | None = None,
) -> Built | None:
    """Build one engine for this device. CUDA must have been probed before: see `device.probe`.

    Parameters
    ----------
    timing_cache
        The timing cache of an earlier build; empty without one.
    progress
        Called with the share that is done, from any thread.
    stopped
        Ends the build when another thread sets it.

    Returns
    -------
    The engine; None where the build was stopped.

    Raises
    ------
    BundleError
        The network's file refers to other files.
    BackendError
        TensorRT cannot read or build the network; the message quotes TensorRT's own.
    """
    require_self_contained(network)
    trt: api.TensorRT = api.tensorrt()
    stopped = stopped or threading.Event()
    log: api.ILogger = log_of(trt)
    builder: api.Builder = _builder(trt, log)
    parsed: api.INetworkDefinition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    # The parser owns the weights: it must live until the build ends, and so must the monitor.
    parser: api.OnnxParser = trt.OnnxParser(parsed, log)
    # TensorRT parses an empty file to a network without inputs.
    if not parser.parse(network.model, _NOWHERE) or not parsed.num_inputs:
        reasons = "; ".join(_words(parser.get_error(n)) for n in range(parser.num_errors)) or "it is empty"
        raise BackendError(
            f"TensorRT {trt.__version__} cannot read {network.name}: {reasons}",
            hint="edge-run compile BUNDLE --precision fp32, or export the bundle again",
        )
    config: api.IBuilderConfig = _configure(trt, builder, parsed, options)
    _set_timing_cache(config, timing_cache)
    monitor: api.IProgressMonitor = monitor_of(trt, progress, stopped)
    config.progress_monitor = monitor
    plan: api.IHostMemory = builder.build_serialized_network(parsed, config)
    if stopped.is_set():
        return None
    if plan is None:
        raise BackendError(
            f"TensorRT {trt.__version__} cannot build {network.name}: {log.last_errors()}",
            hint="give it more --workspace, or choose another --precision",
        )
    learnt: api.ITimingCache = config.get_timing_cache()
    return Built(bytes(plan), bytes(learnt.serialize()), *convolutions(trt, parsed))


def convolutions(trt: api.TensorRT, parsed: api.INetworkDefinition) -> tuple[int, int]:
    """Count a parsed network's convolutions, and those whose every input comes from a DequantizeLinear."""
    layers: list[api.ILayer] = [parsed.get_layer(n) for n in range(parsed.num_layers)]
    kinds: api.LayerType = trt.LayerType
    source_of = {name: layer.type for layer in layers for name in _outputs(layer)}
    found: list[api.ILayer] = [layer for layer in layers if layer.type == kinds.CONVOLUTION]
    # A convolution of fewer than two inputs holds its kernel itself, in floating point.
    quantised = [
        layer
        for layer in found
        if layer.num_inputs > 1 and {source_of.get(name) for name in _inputs(layer)} == {kinds.DEQUANTIZE}
    ]
    return len(found), len(quantised)


def _inputs(layer: api.ILayer) -> list[str]:
    tensors: list[api.ITensor] = [layer.get_input(n) for n in range(layer.num_inputs)]
    return [tensor.name for tensor in tensors]


def _outputs(layer: api.ILayer) -> list[str]:
    tensors: list[api.ITensor] = [layer.get_output(n) for n in range(layer.num_outputs)]
    return [tensor.name for tensor in tensors]


def _builder(trt: api.TensorRT, log: api.ILogger) -> api.Builder:
    try:
        return trt.Builder(log)
    # The C++ factory returned nothing.
    except TypeError as error:
        raise BackendError(
            f"TensorRT {trt.__version__} does not start: {log.last_errors()}",
            hint="check with nvidia-smi (Jetson: tegrastats) that the driver fits this TensorRT",
        ) from error


def _configure(
    trt: api.TensorRT, builder: api.Builder, parsed: api.INetworkDefinition, options: Options
) -> api.IBuilderConfig:
    config: api.IBuilderConfig = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib * _MIB)
    config.builder_optimization_level = options.optimization_level
    if not options.tf32:
        config.clear_flag(trt.BuilderFlag.TF32)
    if options.dla:
        _use_dla(trt, builder, config)
    source: api.ITensor = parsed.get_input(0)
    each = tuple(source.shape)[1:]
    profile: api.IOptimizationProfile = builder.create_optimization_profile()
    profile.set_shape(source.name, (1, *each), (options.batch, *each), (options.batch, *each))
    if config.add_optimization_profile(profile) < 0:
        raise BackendError(
            f"TensorRT {trt.__version__} takes no batch of 1 to {options.batch} for {source.name} {[-1, *each]}",
            hint="edge-run compile BUNDLE --batch 1",
        )
    return config


def _set_timing_cache(config: api.IBuilderConfig, timing_cache: bytes) -> None:
    cache: api.ITimingCache = config.create_timing_cache(timing_cache)
    # A cache of another device or TensorRT is not accepted; then the build begins with an empty one.
    if cache is None or not config.set_timing_cache(cache, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _use_dla(trt: api.TensorRT, builder: api.Builder, config: api.IBuilderConfig) -> None:
    if not builder.num_DLA_cores:
        raise BackendError(
            f"--dla: TensorRT {trt.__version__} finds no deep learning accelerator here; Orin Nano, Thor and desktop "
            "cards have none, and TensorRT 11.0 to 11.3 uses none",
            hint="leave --dla away",
        )
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = 0
    # Layers that the accelerator does not know run on the GPU.
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def _words(fault: api.ParserError) -> str:
    where = " ".join(part for part in (fault.node_operator(), fault.node_name()) if part)
    return f"{where}: {fault.desc()}" if where else str(fault.desc())
