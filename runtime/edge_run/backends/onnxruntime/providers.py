"""What can be known of ONNX Runtime's providers before ONNX Runtime is imported."""

from __future__ import annotations

from edge_run.backends.base import Missing
from edge_run.backends.parts import located, provider
from edge_run.machine.accelerators import has_nvidia_gpu

NO_GPU = "this machine shows no NVIDIA GPU"
DRIVER = "install NVIDIA's driver, and pass the GPU into the container if this is one; edge-run doctor"


def missing_built_in(name: str, hint: str) -> Missing | None:
    """Say what a provider lacks that is part of ONNX Runtime.

    ONNX Runtime lists what it was built with, whether or not it loads. So this looks at the file and at the GPU; the
    rest shows when a network is opened.
    """
    if located(provider(name)) is None:
        return Missing(f"the onnxruntime installed here was built without {name}", hint, installed=False)
    return None if has_nvidia_gpu() else Missing(NO_GPU, DRIVER, installed=True)


def one_line(error: object) -> str:
    """What an error says, in one line of bounded length: foreign ones run over many."""
    words = " ".join(str(error).split())
    return words if len(words) <= 400 else f"{words[:400]}..."
