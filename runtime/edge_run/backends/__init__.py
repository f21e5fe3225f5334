"""Backends and the choice among them. A new backend is one module here and one line in ``BACKENDS``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from edge_run.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_run.runner import Network, Runner

AUTO = "auto"


class Backend(NamedTuple):
    """What a choice needs to know before anything is imported.

    Attributes
    ----------
    module
        Holds ``open_runner``.
    precisions
        What it can run, best first.
    """

    module: str
    precisions: tuple[str, ...]


BACKENDS: dict[str, Backend] = {
    "cpu": Backend("edge_run.backends.onnxruntime_cpu", ("int8-cpu", "fp32", "fp16")),
}


class Choice(NamedTuple):
    """A backend and a precision that fit each other and the bundle."""

    backend: str
    precision: str


class _OpenRunner(Protocol):
    def __call__(self, network: Network, *, threads: int) -> Runner: ...


def choose(backend: str, precision: str | None, available: Sequence[str]) -> Choice:
    """Pick backend and precision: a pure function, so that it can be tested on any machine.

    Parameters
    ----------
    backend
        A key of `BACKENDS`, or ``auto``.
    precision
        One of the bundle's, or None for the backend's best.
    available
        The bundle's precisions.

    Raises
    ------
    UsageError
        The backend or the precision is unknown.
    BackendError
        The two do not go together, or the bundle has nothing for the backend.
    """
    if backend != AUTO and backend not in BACKENDS:
        raise UsageError(f"backend {backend!r} is unknown", mend=f"choose from auto, {', '.join(BACKENDS)}")
    if precision is not None and precision not in available:
        raise UsageError(f"the bundle has no precision {precision!r}", mend=f"choose from {', '.join(available)}")
    for name in BACKENDS if backend == AUTO else [backend]:
        fitting = [p for p in BACKENDS[name].precisions if p in available and precision in (None, p)]
        if fitting:
            return Choice(name, fitting[0])
    what = precision or f"none of the bundle's precisions ({', '.join(available)})"
    raise BackendError(
        f"{what} {'cannot run' if precision else 'runs'} on backend {backend}",
        mend=f"cpu runs {', '.join(BACKENDS['cpu'].precisions)}",
    )


def open_runner(backend: str, network: Network, *, threads: int) -> Runner:
    """Load one network on a backend of `BACKENDS`."""
    module = importlib.import_module(BACKENDS[backend].module)
    return cast("_OpenRunner", module.open_runner)(network, threads=threads)
