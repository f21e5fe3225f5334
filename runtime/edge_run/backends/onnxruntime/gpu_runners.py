"""Sessions of ONNX Runtime on NVIDIA's GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import onnxruntime as ort

from edge_run._files import make_folder

from .session import SessionRunner

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends.base import Network

# Engines are built for a range of batches. The bedside's one scan is what they are tuned for.
MOST = 8


class CudaRunner(SessionRunner):
    """Through CUDA and cuDNN."""

    backend: ClassVar[str] = "cuda"


class TensorRTProviderRunner(SessionRunner):
    """Through TensorRT."""

    backend: ClassVar[str] = "tensorrt-ep"
    most: ClassVar[int | None] = MOST


class RtxRunner(SessionRunner):
    """Through TensorRT for RTX."""

    backend: ClassVar[str] = "rtx"
    most: ClassVar[int | None] = MOST


def profile(prefix: str, network: Network) -> dict[str, str]:
    """Options for batches of 1 to `MOST` scans, tuned for 1."""
    shape = f"x1x{network.size}x{network.size}"
    batches = {"min": 1, "opt": 1, "max": MOST}
    return {f"{prefix}_profile_{bound}_shapes": f"scan:{n}{shape}" for bound, n in batches.items()}


def cache(network: Network, backend: str) -> Path | None:
    """Make the folder that a provider keeps engines of this very network in; None where nothing can be kept.

    The providers name an engine by the graph's structure, not by its weights: two trainings of one network would
    answer for each other. So each file of weights has its own folder, as has each ONNX Runtime.
    """
    if network.engines is None:
        return None
    folder = network.engines / f"{backend}-{ort.__version__}" / f"{network.sha256[:32]}.{network.precision}"
    try:
        make_folder(folder)
    except OSError:
        return None
    return folder
