"""The variants to measure on a machine: a pure function of the bundle and the backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.backends import BACKENDS
from edge_run.backends.table import CPU, supported, why_not
from edge_run.errors import BackendError, UsageError

from .record import ENSEMBLE, MEMBER, PREDICT, Skipped, Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Manifest
    from edge_run.doctor import BackendState

FULL, CERTIFIED = "full", "certified"
EXITS = (FULL, CERTIFIED)
_QUICK = "--quick measures the backend that auto takes, and the CPU"


class Filters(NamedTuple):
    """What the user wants measured; everything where None.

    Attributes
    ----------
    quick
        What the user does not name is pruned: of the backends, each precision is measured on the one that ``auto``
        takes and on the CPU; of the exits, without early exit.
    """

    backends: Sequence[str] | None = None
    precisions: Sequence[str] | None = None
    exits: Sequence[str] | None = None
    quick: bool = False


class Plan(NamedTuple):
    """The variants to measure, and the backends and precisions that cannot be."""

    variants: tuple[Variant, ...]
    skipped: tuple[Skipped, ...]


def plan(manifest: Manifest, states: Mapping[str, BackendState], filters: Filters) -> Plan:
    """List variants: for each backend and precision the members, then the ensemble and predict at each exit.

    Parameters
    ----------
    states
        The state of every backend, from :func:`edge_run.doctor.examine`.

    Raises
    ------
    UsageError
        A filter names something unknown, or not in the bundle.
    BackendError
        Nothing is left to measure.
    """
    backends = _known("backend", filters.backends, tuple(BACKENDS), of="edge-run has")
    precisions = _known("precision", filters.precisions, manifest.precisions, of="the bundle has")
    exits = _known("exit", filters.exits or ((FULL,) if filters.quick else None), EXITS, of="edge-run has")
    variants: list[Variant] = []
    skipped: list[Skipped] = []
    for backend in backends:
        state = states[backend]
        if not state.ready:
            skipped.append(Skipped(backend, "", state.reason, state.hint))
            continue
        fits = supported(backend, None, precisions)
        skipped += [Skipped(backend, p, why_not(backend, p), "") for p in precisions if p not in fits]
        # The table of backends has the order in which `auto` tries them.
        again = {one.precision for one in variants} if filters.quick and not filters.backends and backend != CPU else ()
        skipped += [Skipped(backend, p, _QUICK, f"--backend {backend}") for p in fits if p in again]
        for precision in (p for p in fits if p not in again):
            variants += [Variant(backend, precision, MEMBER, member=member.id) for member in manifest.members]
            variants += [Variant(backend, precision, what, exit=e) for e in exits for what in (ENSEMBLE, PREDICT)]
    if not variants:
        raise BackendError(
            "nothing of this bundle can be measured here: " + "; ".join(f"{o.backend}: {o.reason}" for o in skipped),
            hint=next((o.hint for o in skipped if o.hint), "choose another --backend or --precision"),
        )
    return Plan(tuple(variants), tuple(skipped))


def threads_of(manifest: Manifest, variant: Variant, cores: int) -> dict[str, int]:
    """Return the threads of each member: all cores for one member alone; its share of them in an `Ensemble`."""
    if variant.member:
        return {variant.member: cores}
    stages = [[m.id for m in manifest.members]] if variant.exit == FULL else manifest.stages
    return {member_id: max(1, cores // len(stage)) for stage in stages for member_id in stage}


def artefact_bytes(bundle: Bundle, precisions: Iterable[str]) -> dict[str, dict[str, int]]:
    """Read every network once, and return its size in bytes by precision and member."""
    members = bundle.manifest.members
    return {p: {member.id: len(bundle.model(member, p)) for member in members} for p in dict.fromkeys(precisions)}


def _known(what: str, names: Sequence[str] | None, known: Sequence[str], *, of: str) -> tuple[str, ...]:
    for name in names or ():
        if name not in known:
            raise UsageError(f"{of} no {what} {name!r}", hint=f"choose from {', '.join(known)}")
    return tuple(name for name in known if names is None or name in names)
