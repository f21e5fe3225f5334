"""NVIDIA's parser and builder without a GPU: TensorRT-RTX in the place of TensorRT."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import fake_tensorrt

if TYPE_CHECKING:
    from types import ModuleType

    from fake_tensorrt import FakeCuda, FakeTensorRT


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``tensorrt`` is TensorRT-RTX, whose API is TensorRT 11's; it builds on the processor."""
    module: ModuleType = pytest.importorskip("tensorrt_rtx")
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return module


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeCuda, FakeTensorRT]:
    """``tensorrt`` and ``cuda.bindings.runtime`` are fakes with one GPU."""
    return fake_tensorrt.install(monkeypatch)
