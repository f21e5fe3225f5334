"""TensorRT on NVIDIA's GPUs, with engines that ``edge-run compile`` built on this device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.backends.base import Missing
from edge_run.backends.tensorrt import api
from edge_run.errors import BackendError

if TYPE_CHECKING:
    from edge_run.backends.base import Network, Runner


def missing() -> Missing | None:
    """Say what keeps TensorRT from running here; None where nothing does. TensorRT itself is not imported."""
    if not api.installed(api.TENSORRT):
        return Missing("TensorRT is not installed", api.INSTALL_TENSORRT, installed=False)
    if not api.installed(api.CUDA):
        return Missing("cuda-bindings is not installed", api.INSTALL_CUDA, installed=True)
    from edge_run.backends.tensorrt.device import probe

    try:
        probe()
    except BackendError as error:
        return Missing(error.message, error.hint, installed=True)
    return None


def open_runner(network: Network, *, threads: int) -> Runner:  # noqa: ARG001 - the GPU has its own
    """Load the engine of a network, built on this device before.

    Raises
    ------
    BackendError
        TensorRT, CUDA or the GPU is missing; the engine is missing, stale or damaged, or does not run.
    """
    from edge_run.backends.tensorrt import engines
    from edge_run.backends.tensorrt.device import probe
    from edge_run.backends.tensorrt.runner import TensorRTRunner

    gpu = probe()
    engine, plan = engines.load(network, api.tensorrt().__version__, gpu)
    return TensorRTRunner(network, engine, plan)
