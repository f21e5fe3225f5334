"""The comparison of a record with an earlier one: ratios, and what else has changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from edge_run.errors import UsageError

from .record import SCHEMA, Record, Variant
from .table import piped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .record import Result

AGAIN = "give a file that edge-run bench --out wrote"


class Ratio(msgspec.Struct, frozen=True):
    """The change of one variant.

    Attributes
    ----------
    ratio
        The p50 of the new record over that of the old one; None where the variant fails now.
    over_bound
        Whether the ratio is over the bound, or the variant fails.
    unsteady
        Whether either record is unsteady.
    """

    variant: Variant
    old_p50_ms: float
    new_p50_ms: float | None
    ratio: float | None
    over_bound: bool
    unsteady: bool


class Comparison(msgspec.Struct, frozen=True):
    """The comparison of two records.

    Attributes
    ----------
    created
        The time of the earlier record, UTC.
    bound
        The largest ratio that passes.
    differs
        What else changed, one sentence each: it may be the cause of a ratio.
    not_measured
        Variants of the earlier record that the new one lacks.
    """

    created: str
    bound: float
    differs: tuple[str, ...]
    ratios: tuple[Ratio, ...]
    not_measured: tuple[Variant, ...]


def load(path: Path) -> Record:
    """Read an earlier record.

    Raises
    ------
    UsageError
        It is missing, is not a record, or has another schema.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=AGAIN) from error
    try:
        schema = json.loads(raw)["schema"]
        if schema == SCHEMA:
            return msgspec.json.decode(raw, type=Record)
    except (ValueError, LookupError, TypeError, RecursionError, msgspec.DecodeError) as error:
        raise UsageError(f"{path} is not a record of edge-run bench: {error}", hint=AGAIN) from error
    raise UsageError(
        f"{path} has schema {schema!r}, this edge-run compares {SCHEMA}", hint="measure again with one edge-run"
    )


def require_common(old: Record, variants: Sequence[Variant]) -> None:
    """Refuse, before anything is measured, a record that has no variant in common with the plan.

    Raises
    ------
    UsageError
        It measured none of the variants.
    """
    if not any(result.summary and result.variant in variants for result in old.results):
        raise UsageError("the earlier record measured none of the variants of this one", hint="compare with another")


def compare(old: Record, new: Record, bound: float) -> Comparison:
    """Compare a record with an earlier one, variant by variant.

    Parameters
    ----------
    bound
        The largest ratio of the p50 that passes; a variant that became faster always passes.
    """
    before = {result.variant: result for result in old.results if result.summary}
    now = {result.variant: result for result in new.results}
    ratios = tuple(_ratio(before[variant], now[variant], bound) for variant in now if variant in before)
    missing = tuple(variant for variant in before if variant not in now)
    return Comparison(old.created, bound, tuple(_differs(old, new)), ratios, missing)


def lines(comparison: Comparison, *, markdown: bool = False) -> list[str]:
    """Write a comparison as lines of text."""
    rows = [("p50, ms", "before", "now", "ratio", "")]
    for one in comparison.ratios:
        now, ratio = ("failed" if x is None else f"{x:.2f}" for x in (one.new_p50_ms, one.ratio))
        mark = ", ".join(["OVER BOUND"] * one.over_bound + ["unsteady"] * one.unsteady)
        rows.append((_name(one.variant), f"{one.old_p50_ms:.2f}", now, ratio, mark))
    text = [f"compared with the record of {comparison.created}, bound {comparison.bound:g}"]
    if markdown:
        text += ["", *piped([rows[0], ("---", *["---:"] * 3, "---"), *rows[1:]]), ""]
    else:
        text += [
            f"  {name:<38} {then:>9} {now:>9} {ratio:>7}  {mark}".rstrip() for name, then, now, ratio, mark in rows
        ]
    notes = [f"differs: {words}" for words in comparison.differs]
    notes += [f"not measured now: {_name(variant)}" for variant in comparison.not_measured]
    return text + [f"- {note}" if markdown else note for note in notes]


def _ratio(old: Result, new: Result, bound: float) -> Ratio:
    assert old.summary is not None  # noqa: S101 - `compare` leaves those out
    then = old.summary.p50_ms
    if new.summary is None or new.error:
        return Ratio(new.variant, then, None, None, over_bound=True, unsteady=old.summary.unsteady)
    now = new.summary.p50_ms
    ratio = now / then
    return Ratio(new.variant, then, now, ratio, ratio > bound, old.summary.unsteady or new.summary.unsteady)


def _differs(old: Record, new: Record) -> list[str]:
    """Return what else may have caused the differences."""
    machine = ("version", "python", "system", "cpu", "cores", "board", "power_mode", "nvidia_driver", "packages")
    had = ("affinity", "cgroup_cores", "threads", "governor", "scans_sha256")
    pairs: dict[str, tuple[object, object]] = {"bundle": (old.bundle_sha256[:12], new.bundle_sha256[:12])}
    pairs |= {name: (old.machine.get(name), new.machine.get(name)) for name in machine}
    pairs |= {name: (getattr(old.conditions, name), getattr(new.conditions, name)) for name in had}
    return [f"{name}: {_short(then)} before, {_short(now)} now" for name, (then, now) in pairs.items() if then != now]


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    return str(value)


def _name(variant: Variant) -> str:
    return f"{variant.backend} {variant.precision} {variant.name}"
