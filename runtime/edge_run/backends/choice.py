"""The choice of backend and precision: a pure function, so that it can be tested for any machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import BackendError, UsageError
from edge_run.voting.prediction import SkippedBackend

from .table import AUTO, BACKENDS, ON_THE_CPU, fitting, unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_run.backends.base import Missing


class Choice(NamedTuple):
    """A backend and a precision that fit each other and the bundle.

    Attributes
    ----------
    skipped_backends
        Backends that come before it and could not be taken.
    """

    backend: str
    precision: str
    skipped_backends: tuple[SkippedBackend, ...] = ()


def choose(
    backend: str,
    precision: str | None,
    available: Sequence[str],
    missing: Mapping[str, Missing | None],
    *,
    gpu: bool = False,
) -> Choice:
    """Pick backend and precision.

    Parameters
    ----------
    backend
        A key of `BACKENDS`, or ``auto``: the first of them that can run here.
    precision
        One of the bundle's, or None for the backend's best.
    available
        The bundle's precisions.
    missing
        What keeps each backend from running; asked only for those that the choice comes to.
    gpu
        There is an NVIDIA GPU, so that an answer from the CPU owes a word about every backend that would use it.

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
        return _first(precision, tuple(available), missing, gpu=gpu)
    return _named(backend, precision, tuple(available), missing)


def _named(
    backend: str, precision: str | None, available: tuple[str, ...], missing: Mapping[str, Missing | None]
) -> Choice:
    fits = fitting(backend, precision, available)
    if not fits:
        refused = [precision] if precision else available
        raise BackendError(
            f"{' and '.join(refused)} cannot run on backend {backend}: "
            + "; ".join(dict.fromkeys(unfit(backend, p) for p in refused)),
            hint=f"{backend} runs {', '.join(BACKENDS[backend].precisions)}; {_who_runs(refused)}",
        )
    lacks = missing[backend]
    if lacks is not None:
        raise BackendError(f"backend {backend} cannot run here: {lacks.why}", hint=lacks.hint)
    return Choice(backend, fits[0])


def _first(
    precision: str | None, available: tuple[str, ...], missing: Mapping[str, Missing | None], *, gpu: bool
) -> Choice:
    able: dict[str, Missing] = {}
    unable: dict[str, str] = {}
    for name in BACKENDS:
        fits = fitting(name, precision, available)
        if not fits:
            unable[name] = unfit(name, precision or available[0])
            continue
        lacks = missing[name]
        if lacks is None:
            owed = gpu and name in ON_THE_CPU
            return Choice(name, fits[0], _skipped_backends(able, unable, owed=owed))
        able[name] = lacks
    what = precision or f"none of the bundle's precisions ({', '.join(available)})"
    raise BackendError(
        f"{what} {'cannot run' if precision else 'runs'} on this machine: "
        + "; ".join(f"{name}: {lacks.why}" for name, lacks in able.items()),
        hint=next((lacks.hint for lacks in reversed(able.values())), "export the bundle with other precisions"),
    )


def _skipped_backends(able: dict[str, Missing], unable: dict[str, str], *, owed: bool) -> tuple[SkippedBackend, ...]:
    reasons = {name: lacks.why for name, lacks in able.items() if lacks.installed or owed}
    if owed:
        reasons |= {name: why for name, why in unable.items() if name not in ON_THE_CPU}
    return tuple(SkippedBackend(name, reasons[name]) for name in BACKENDS if name in reasons)


def _who_runs(precisions: Sequence[str]) -> str:
    told = {p: [name for name, known in BACKENDS.items() if p in known.precisions] for p in precisions}
    return "; ".join(f"{p} runs on {', '.join(names) or 'no backend'}" for p, names in told.items())
