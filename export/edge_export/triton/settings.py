"""How a repository is to be served."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.backends.table import BACKENDS, supported, why_not
from edge_run.errors import BackendError, UsageError

if TYPE_CHECKING:
    from edge_run.bundle.bundle import Bundle

CPU, CUDA, TENSORRT = "cpu", "cuda", "tensorrt"
SERVED = (CPU, CUDA, TENSORRT)
"""Backends of edge-run whose form Triton can run: ONNX Runtime on the CPU or a GPU, and TensorRT."""

QUEUE = 64
GPU_DELAY_US = 1_000


class Settings(NamedTuple):
    """Numbers that every model's configuration repeats.

    Attributes
    ----------
    backend, precision
        One of `SERVED`, and what it computes in.
    instances
        Copies of each member that work at the same time.
    threads
        Threads of each instance, where it computes on the CPU.
    batch
        Largest batch.
    timeout_s
        Seconds that a request may wait in a queue before it is refused.
    early_exit
        Whether there is a model with certified early exit beside the ensemble.
    """

    backend: str
    precision: str
    instances: int = 1
    threads: int = 1
    batch: int = 8
    timeout_s: float = 2.0
    early_exit: bool = False


def check(settings: Settings, *, merged: bool) -> None:
    """Refuse what no repository can be written for.

    Raises
    ------
    UsageError
        The backend is none that Triton runs, or a number is not positive.
    """
    backend = settings.backend
    if backend not in SERVED:
        raise UsageError(f"Triton runs no form for backend {backend}", hint=f"choose from {', '.join(SERVED)}")
    if merged and backend == TENSORRT:
        raise UsageError(
            "a merged graph is one ONNX file, and engines are built for each member",
            hint="leave --merged away, or choose --backend cuda",
        )
    if merged and settings.early_exit:
        raise UsageError(
            "a merged graph always runs all members, and early exit leaves some out", hint="leave one of the two away"
        )
    if min(settings.instances, settings.threads, settings.batch) < 1 or not settings.timeout_s > 0:
        raise UsageError(f"{settings} serves nothing", hint="choose numbers above 0")


def choose_precision(bundle: Bundle, backend: str, precision: str | None) -> str:
    """Return the named precision, or the backend's best that the bundle has.

    Raises
    ------
    UsageError
        The bundle has not the named precision.
    BackendError
        The backend does not run it, or runs none that the bundle has.
    """
    available = bundle.precisions
    if precision is not None and precision not in available:
        raise UsageError(
            f"{bundle.manifest.name} has no precision {precision!r}", hint=f"choose from {', '.join(available)}"
        )
    found = supported(backend, precision, available)
    if not found:
        asked = [precision] if precision else list(available)
        raise BackendError(
            f"{' and '.join(asked)} cannot run on backend {backend}: "
            + "; ".join(dict.fromkeys(why_not(backend, one) for one in asked)),
            hint=f"{backend} runs {', '.join(BACKENDS[backend].precisions)}; this bundle has {', '.join(available)}",
        )
    return found[0]
