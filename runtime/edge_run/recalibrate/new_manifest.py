"""The parent's manifest with the new vote."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from edge_run.bundle.manifest import SCHEMA_VERSION, BundleMember, FlagThresholds, Manifest, Recalibration
from edge_run.bundle.manifest.members import MIN_TEMPERATURE

from .new_flags import evaluate

if TYPE_CHECKING:
    from edge_run.bundle.bundle import Bundle

    from .labelled import Selection
    from .new_flags import NewFlags
    from .refit import Refit


def new_manifest(
    bundle: Bundle, name: str, selection: Selection, fitted: Refit, flags: NewFlags, log_head: str, resamples: int
) -> Manifest:
    """Return the manifest of a recalibrated bundle.

    At a precision without cases, temperatures change by the factor of the measured one, flags have its thresholds but
    for distances, which change by its factor, and no figures are claimed.
    """
    old, precision = bundle.manifest, selection.precision
    members = [
        _member(member, precision, temperature, weight)
        for member, temperature, weight in zip(old.members, fitted.temperatures, fitted.weights, strict=True)
    ]
    return msgspec.structs.replace(
        old,
        schema_version=SCHEMA_VERSION,
        name=name,
        task=msgspec.structs.replace(old.task, threshold=fitted.threshold),
        members=tuple(members),
        flags={p: _flags(old.flags, p, precision, flags.thresholds) for p in old.precisions},
        evaluation={precision: evaluate(old, selection.cases, fitted.honest, fitted.threshold, resamples)},
        profile=dict.fromkeys(old.precisions, flags.profile),
        recalibration=_recalibration(bundle, selection, fitted, log_head),
    )


def _member(old: BundleMember, precision: str, temperature: float, weight: float) -> BundleMember:
    factor = temperature / old.artefacts[precision].temperature
    artefacts = {
        name: msgspec.structs.replace(
            one,
            temperature=min(max(one.temperature * factor, MIN_TEMPERATURE), 1 / MIN_TEMPERATURE),
        )
        for name, one in old.artefacts.items()
    }
    artefacts[precision] = msgspec.structs.replace(artefacts[precision], temperature=temperature)
    return msgspec.structs.replace(old, weight=weight, artefacts=artefacts)


def _flags(old: dict[str, FlagThresholds], name: str, precision: str, new: FlagThresholds) -> FlagThresholds:
    if name == precision:
        return new
    own, measured = old[name].feature_distance, old[precision].feature_distance
    if own is not None and measured is not None and new.feature_distance is not None:
        factor = new.feature_distance.threshold / measured.threshold if measured.threshold else 1.0
        own = msgspec.structs.replace(own, threshold=own.threshold * factor)
    return msgspec.structs.replace(
        new,
        feature_distance=own,
        typical=old[name].typical,
        orientation=old[name].orientation,
        error=None,
        error_bound=None,
    )


def _recalibration(bundle: Bundle, selection: Selection, fitted: Refit, log_head: str) -> Recalibration:
    old = bundle.manifest.recalibration
    targets, labels = selection.cases.targets, bundle.labels
    return Recalibration(
        parent=bundle.manifest.name,
        ancestors=(bundle.sha256, *(old.ancestors if old else ())),
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        precision=selection.precision,
        cases=len(targets),
        labels={label: int((targets == index).sum()) for index, label in enumerate(labels)},
        left_out=selection.left_out,
        groups=len(set(selection.cases.groups)),
        nll=fitted.nll.mean,
        parent_nll=fitted.present_nll.mean,
        gain=fitted.gain.mean,
        gain_error=fitted.gain.error,
        log_head=log_head,
    )
