"""Backends and the choice among them. A new backend is one module here and one line in ``BACKENDS``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from .choice import Choice, choose
from .parts import located
from .table import AUTO, BACKENDS, CPU, ON_THE_CPU, Backend

if TYPE_CHECKING:
    from edge_run.backends.base import Missing, Network, Runner

__all__ = ["AUTO", "BACKENDS", "CPU", "Availability", "Backend", "Choice", "choose", "missing", "open_runner"]


class _Module(Protocol):
    def missing(self) -> Missing | None: ...

    def open_runner(self, network: Network, *, threads: int) -> Runner: ...


def missing(backend: str) -> Missing | None:
    """Say what keeps a backend of `BACKENDS` from running on this machine; None where nothing is known to."""
    # What the CPU needs, edge-run itself needs: nothing is looked up, and nothing imported.
    return None if backend == CPU else _module(backend).missing()


class Availability(dict[str, "Missing | None"]):
    """What is `missing` on this machine, by backend; looked up when it is first asked for.

    Parameters
    ----------
    asked
        The backend that somebody asked for. With ``auto``, nothing is imported of a backend that is not installed, and
        the reason is no longer than that.
    """

    def __init__(self, asked: str) -> None:
        super().__init__()
        self._asked = asked

    def __missing__(self, backend: str) -> Missing | None:
        self[backend] = found = self._absent(backend) or missing(backend)
        return found

    def _absent(self, backend: str) -> Missing | None:
        if self._asked != AUTO or backend in ON_THE_CPU or located(BACKENDS[backend].part):
            return None
        from edge_run.backends.base import Missing

        return Missing("not installed", f"edge-run predict --backend {backend} says what to install", installed=False)


def open_runner(backend: str, network: Network, *, threads: int) -> Runner:
    """Load one network on a backend of `BACKENDS`.

    Raises
    ------
    BackendError
        It cannot be loaded, or would not run where it was asked to.
    """
    return _module(backend).open_runner(network, threads=threads)


def _module(backend: str) -> _Module:
    return cast("_Module", importlib.import_module(BACKENDS[backend].module))
