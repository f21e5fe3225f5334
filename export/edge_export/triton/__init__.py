"""Bundle -> model repository for NVIDIA Triton. Needs the package ``onnx`` and nothing of PyTorch."""

from .repository import Repository, write_repository
from .settings import SERVED

__all__ = ["SERVED", "Repository", "write_repository"]
