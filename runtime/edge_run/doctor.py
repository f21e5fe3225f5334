"""What this machine is and what of edge-run it can do."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import msgspec

from ._version import __version__
from .backends import BACKENDS, missing
from .machine import accelerators
from .machine.cores import allowed_cores, cpu_flags, cpu_name

RUNTIME = ("numpy", "opencv-python-headless", "onnxruntime", "typer", "msgspec")
EXTRAS = {
    "train": ("torch", "torchvision", "lightning", "safetensors", "scipy", "matplotlib"),
    "export": ("torch", "torchvision", "onnx", "onnxscript"),
    "explain": ("torch", "captum", "skimage"),
    "dicom": ("pydicom", "gdcm"),
    "openvino": ("openvino",),
    "serve": ("starlette", "uvicorn"),
    "tensorrt": ("tensorrt", "cuda.bindings"),
}
INT8_FLAGS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp")


class BackendState(msgspec.Struct, frozen=True):
    """Whether a backend can be tried on this machine; why not, and what puts that right.

    Attributes
    ----------
    precisions
        What it runs, best first.
    """

    ready: bool
    why: str
    hint: str
    precisions: tuple[str, ...]


class Machine(msgspec.Struct, frozen=True):
    """A record of the machine and its software.

    Attributes
    ----------
    cores
        That this process may use.
    int8
        Instructions for 8-bit products; without any, INT8 is slower and may round differently.
    board, l4t, power_mode, nvidia_driver
        Of a Jetson, or of a machine with an NVIDIA GPU; empty elsewhere.
    backends
        By name, in the order in which ``auto`` tries them.
    extras
        Optional parts: empty list where complete, else the packages that are missing.
    """

    version: str
    python: str
    system: str
    cpu: str
    cores: int
    int8: tuple[str, ...]
    board: str
    l4t: str
    power_mode: str
    nvidia_driver: str
    backends: dict[str, BackendState]
    packages: dict[str, str]
    extras: dict[str, tuple[str, ...]]


def examine() -> Machine:
    """Look at this machine. Nothing heavy is imported."""
    flags = cpu_flags()
    return Machine(
        version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=cpu_name(),
        cores=allowed_cores(),
        int8=tuple(flag for flag in INT8_FLAGS if flag in flags),
        board=accelerators.board(),
        l4t=accelerators.l4t_release(),
        power_mode=accelerators.power_mode(),
        nvidia_driver=accelerators.nvidia_driver(),
        backends={name: _state(name) for name in BACKENDS},
        packages={name: _version(name) for name in RUNTIME},
        extras={extra: tuple(m for m in needs if not _installed(m)) for extra, needs in EXTRAS.items()},
    )


def _state(backend: str) -> BackendState:
    lacks = missing(backend)
    why, hint = (lacks.why, lacks.hint) if lacks else ("", "")
    return BackendState(lacks is None, why, hint, BACKENDS[backend].precisions)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _installed(module: str) -> bool:
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a package that it would lie in
        return False
