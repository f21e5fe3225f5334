"""The choice of backend and precision, made once for a bundle and carried on where a backend cannot load it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import BackendError, UsageError
from edge_run.machine.accelerators import has_nvidia_gpu
from edge_run.voting.prediction import SkippedBackend

from . import installed
from .base import Unavailable
from .table import AUTO, BACKENDS, CPU, supported, unavailable, why_not

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Choice(NamedTuple):
    """A backend and a precision that fit each other and the bundle.

    Attributes
    ----------
    skipped_backends
        Backends that ``auto`` prefers and could not take.
    """

    backend: str
    precision: str
    skipped_backends: tuple[SkippedBackend, ...] = ()


class Availability(dict[str, "Unavailable | None"]):
    """What keeps each backend from running on this machine; each is looked up when it is first needed.

    Parameters
    ----------
    backend
        The backend that the user named, or ``auto``. With ``auto``, nothing is imported of a backend that is not
        installed, and the reason says no more than that.
    """

    def __init__(self, backend: str) -> None:
        super().__init__()
        self._auto = backend == AUTO

    def __missing__(self, backend: str) -> Unavailable | None:
        self[backend] = state = self._absent(backend) or unavailable(backend)
        return state

    def _absent(self, backend: str) -> Unavailable | None:
        entry = BACKENDS[backend]
        if not self._auto or entry.on_cpu or installed.locate(entry.part):
            return None
        hint = f"edge-run predict --backend {backend} says what to install"
        return Unavailable("not installed", hint, installed=False)


class Selection:
    """A choice for one bundle that falls back, backend by backend, where one turns out not to load it.

    Parameters
    ----------
    backend, precision, available
        As `choose` takes them.

    Attributes
    ----------
    choice
        The choice that holds now.

    Raises
    ------
    UsageError, BackendError
        As `choose`.
    """

    def __init__(self, backend: str, precision: str | None, available: Sequence[str]) -> None:
        self._wanted = backend, precision, tuple(available)
        self._states, self._gpu = Availability(backend), has_nvidia_gpu()
        self.choice = self._choose()

    def fall_back(self, error: BackendError) -> None:
        """Move on to the next backend, after the chosen one failed to load the bundle.

        Raises
        ------
        BackendError
            ``error``, where the backend was named or is the CPU; or nothing else can run here.
        """
        # What the CPU does not open is no network: the next backend's complaint would only hide that.
        if self._wanted[0] != AUTO or self.choice.backend == CPU:
            raise error
        self._states[self.choice.backend] = Unavailable(error.message, error.hint, installed=True)
        self.choice = self._choose()

    def _choose(self) -> Choice:
        return choose(*self._wanted, self._states, gpu=self._gpu)


def choose(
    backend: str,
    precision: str | None,
    available: Sequence[str],
    states: Mapping[str, Unavailable | None],
    *,
    gpu: bool = False,
) -> Choice:
    """Pick backend and precision: a pure function, so that it can be tested for any machine.

    Parameters
    ----------
    backend
        A key of `BACKENDS`, or ``auto``: the first of them that can run here.
    precision
        One of the bundle's, or None for the backend's best.
    available
        The bundle's precisions.
    states
        What keeps each backend from running; only those are looked up that the choice comes to.
    gpu
        Whether there is an NVIDIA GPU: if so, an answer from the CPU names every backend that would have used it.

    Raises
    ------
    UsageError
        The backend or the precision is unknown.
    BackendError
        The two do not go together, the bundle has nothing for the backend, or the backend cannot run here.
    """
    if backend != AUTO and backend not in BACKENDS:
        raise UsageError(f"backend {backend!r} is unknown", hint=f"choose from auto, {', '.join(BACKENDS)}")
    if precision is not None and precision not in available:
        raise UsageError(f"the bundle has no precision {precision!r}", hint=f"choose from {', '.join(available)}")
    if backend == AUTO:
        return _first(precision, tuple(available), states, gpu=gpu)
    return _named(backend, precision, tuple(available), states)


def _named(
    backend: str, precision: str | None, available: tuple[str, ...], states: Mapping[str, Unavailable | None]
) -> Choice:
    precisions = supported(backend, precision, available)
    if not precisions:
        refused = [precision] if precision else available
        raise BackendError(
            f"{' and '.join(refused)} cannot run on backend {backend}: "
            + "; ".join(dict.fromkeys(why_not(backend, p) for p in refused)),
            hint=f"{backend} runs {', '.join(BACKENDS[backend].precisions)}; {_backends_of(refused)}",
        )
    state = states[backend]
    if state is not None:
        raise BackendError(f"backend {backend} cannot run here: {state.reason}", hint=state.hint)
    return Choice(backend, precisions[0])


def _first(
    precision: str | None, available: tuple[str, ...], states: Mapping[str, Unavailable | None], *, gpu: bool
) -> Choice:
    unready: dict[str, Unavailable] = {}
    unsuited: dict[str, str] = {}
    for name, entry in BACKENDS.items():
        precisions = supported(name, precision, available)
        if not precisions:
            unsuited[name] = why_not(name, precision or available[0])
            continue
        state = states[name]
        if state is None:
            return Choice(name, precisions[0], _skipped(unready, unsuited, idle_gpu=gpu and entry.on_cpu))
        unready[name] = state
    what = precision or f"none of the bundle's precisions ({', '.join(available)})"
    raise BackendError(
        f"{what} {'cannot run' if precision else 'runs'} on this machine: "
        + "; ".join(f"{name}: {state.reason}" for name, state in unready.items()),
        hint=next((state.hint for state in reversed(unready.values())), "export the bundle with other precisions"),
    )


def _skipped(
    unready: Mapping[str, Unavailable], unsuited: Mapping[str, str], *, idle_gpu: bool
) -> tuple[SkippedBackend, ...]:
    """Return the backends that an answer must name; with an idle GPU, all that would have used it."""
    reasons = {name: state.reason for name, state in unready.items() if state.installed or idle_gpu}
    if idle_gpu:
        reasons |= {name: reason for name, reason in unsuited.items() if not BACKENDS[name].on_cpu}
    return tuple(SkippedBackend(name, reasons[name]) for name in BACKENDS if name in reasons)


def _backends_of(precisions: Sequence[str]) -> str:
    names = {p: [name for name, entry in BACKENDS.items() if p in entry.precisions] for p in precisions}
    return "; ".join(f"{p} runs on {', '.join(backends) or 'no backend'}" for p, backends in names.items())
