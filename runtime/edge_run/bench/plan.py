"""Which variants a bundle and a machine make: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.backends import BACKENDS
from edge_run.backends.table import fitting, unfit
from edge_run.errors import BackendError, UsageError

from .record import ENSEMBLE, MEMBER, PREDICT, LeftOut, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_run.bundle.manifest import Manifest
    from edge_run.doctor import BackendState

FULL, CERTIFIED = "full", "certified"
EXITS = (FULL, CERTIFIED)


class Asked(NamedTuple):
    """What a person wants measured; all there is where None."""

    backends: Sequence[str] | None = None
    precisions: Sequence[str] | None = None
    exits: Sequence[str] | None = None


class Plan(NamedTuple):
    """What is measured, and what cannot be."""

    variants: tuple[Variant, ...]
    left_out: tuple[LeftOut, ...]


def plan(manifest: Manifest, states: Mapping[str, BackendState], asked: Asked) -> Plan:
    """List variants: for each backend and precision the members, then the ensemble and predict at each exit.

    Parameters
    ----------
    states
        Of every backend, as :func:`edge_run.doctor.examine` finds them.

    Raises
    ------
    UsageError
        Something that was asked for is unknown, or not in the bundle.
    BackendError
        Nothing is left to measure.
    """
    backends = _known("backend", asked.backends, tuple(BACKENDS), of="edge-run has")
    precisions = _known("precision", asked.precisions, manifest.precisions, of="the bundle has")
    exits = _known("exit", asked.exits, EXITS, of="edge-run has")
    variants: list[Variant] = []
    left_out: list[LeftOut] = []
    for backend in backends:
        state = states[backend]
        if not state.ready:
            left_out.append(LeftOut(backend, "", state.why, state.hint))
            continue
        fits = fitting(backend, None, precisions)
        left_out += [LeftOut(backend, p, unfit(backend, p), "") for p in precisions if p not in fits]
        for precision in fits:
            variants += [Variant(backend, precision, MEMBER, member=member.id) for member in manifest.members]
            variants += [Variant(backend, precision, what, exit=e) for e in exits for what in (ENSEMBLE, PREDICT)]
    if not variants:
        raise BackendError(
            "nothing of this bundle can be measured here: " + "; ".join(f"{o.backend}: {o.why}" for o in left_out),
            hint=next((o.hint for o in left_out if o.hint), "choose another --backend or --precision"),
        )
    return Plan(tuple(variants), tuple(left_out))


def threads_of(manifest: Manifest, variant: Variant, cores: int) -> dict[str, int]:
    """Threads of each member: a member alone has all cores; in an ensemble it has its share, as in `Ensemble`."""
    if variant.member:
        return {variant.member: cores}
    stages = [[m.id for m in manifest.members]] if variant.exit == FULL else manifest.stages
    return {member_id: max(1, cores // len(stage)) for stage in stages for member_id in stage}


def artefact_bytes(manifest: Manifest, variant: Variant) -> int:
    """Size of the files that a variant loads as networks."""
    members = [m for m in manifest.members if variant.member in ("", m.id)]
    return sum(member.artefacts[variant.precision].file.bytes for member in members)


def _known(what: str, asked: Sequence[str] | None, known: Sequence[str], *, of: str) -> tuple[str, ...]:
    for word in asked or ():
        if word not in known:
            raise UsageError(f"{of} no {what} {word!r}", hint=f"choose from {', '.join(known)}")
    return tuple(name for name in known if asked is None or name in asked)
