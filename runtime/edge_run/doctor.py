"""A description of this machine, and of what edge-run can do on it."""

from __future__ import annotations

import importlib.util
import platform
import sys

import msgspec

from ._version import __version__
from .backends import BACKENDS, unavailable
from .machine import accelerators
from .machine.cores import allowed_cores
from .machine.packages import REQUIRED, broken_packages, package_version, reinstall
from .machine.processor import cpu_flags, cpu_name

EXTRAS = {
    "train": ("torch", "torchvision", "lightning", "safetensors", "scipy", "matplotlib"),
    "export": ("torch", "torchvision", "onnx", "onnxscript"),
    "explain": ("torch", "captum", "skimage"),
    "dicom": ("pydicom", "gdcm"),
    "serve": ("starlette", "uvicorn", "jinja2", "python_multipart", "prometheus_client"),
    "node": ("pynetdicom", "pydicom", "highdicom", "prometheus_client"),
    "ray": ("ray", "pyarrow"),
    "triton": ("onnx",),
    **{backend.extra: backend.modules for backend in BACKENDS.values() if backend.extra},
}
INT8_FLAGS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp")


class BackendState(msgspec.Struct, frozen=True):
    """Whether a backend can be tried on this machine.

    Attributes
    ----------
    ready
        Nothing is known to be missing.
    reason, hint
        What is missing, and what to do about it; both empty where it is ready.
    precisions
        Precisions that it runs, best first.
    """

    ready: bool
    reason: str
    hint: str
    precisions: tuple[str, ...]


class Machine(msgspec.Struct, frozen=True):
    """A record of the machine and its software.

    Attributes
    ----------
    version
        The version of edge-run.
    cores
        Cores that this process may use.
    int8
        Instructions for 8-bit products; without any, INT8 is slower and may round differently.
    board, l4t, power_mode, nvidia_driver
        Known on a Jetson, or on a machine with an NVIDIA GPU; empty elsewhere.
    backends
        Each backend by its name, in the order in which ``auto`` tries them.
    packages
        The version of each package that edge-run requires; ``missing`` where it is not installed.
    broken
        The reason by package, of those required packages that cannot be imported.
    extras
        For each extra the modules that are missing; an empty list where it is complete.
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
    broken: dict[str, str]
    extras: dict[str, tuple[str, ...]]


def examine() -> Machine:
    """Describe this machine; what is heavy is imported in child processes only."""
    flags, broken = cpu_flags(), broken_packages()
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
        backends={name: _state(name, broken) for name in BACKENDS},
        packages={name: package_version(name) for name in REQUIRED},
        broken=broken,
        extras={extra: tuple(m for m in needs if not _installed(m)) for extra, needs in EXTRAS.items()},
    )


def _state(backend: str, broken: dict[str, str]) -> BackendState:
    entry = BACKENDS[backend]
    # Every backend needs the others; ONNX Runtime is needed by its own backends.
    needed = [p for p in broken if p != "onnxruntime" or ".onnxruntime." in entry.module]
    if needed:
        return BackendState(False, f"{needed[0]} cannot be imported", reinstall(needed[0]), entry.precisions)
    state = unavailable(backend)
    reason, hint = (state.reason, state.hint) if state else ("", "")
    return BackendState(state is None, reason, hint, entry.precisions)


def _installed(module: str) -> bool:
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a package that it would lie in
        return False
