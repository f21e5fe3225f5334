"""An earlier record beside this one: ratios, and what else has changed."""

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
    """One variant then and now.

    Attributes
    ----------
    ratio
        Of the p50, now over then; None where the variant fails now.
    beyond
        It is over the bound, or the variant fails.
    unsteady
        Then or now.
    """

    variant: Variant
    old_p50_ms: float
    new_p50_ms: float | None
    ratio: float | None
    beyond: bool
    unsteady: bool


class Comparison(msgspec.Struct, frozen=True):
    """Two records held against each other.

    Attributes
    ----------
    differs
        What else changed, as sentences: a ratio may come from it.
    not_measured
        Variants of the earlier record that this one has not.
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
        It is missing, no record, or of another schema.
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
        raise UsageError(f"{path} is no record of edge-run bench: {error}", hint=AGAIN) from error
    raise UsageError(
        f"{path} has schema {schema!r}, this edge-run compares {SCHEMA}", hint="measure again with one edge-run"
    )


def require_common(old: Record, variants: Sequence[Variant]) -> None:
    """Refuse, before anything is measured, a record that nothing could be held against.

    Raises
    ------
    UsageError
        It measured none of the variants.
    """
    if not any(result.summary and result.variant in variants for result in old.results):
        raise UsageError("the earlier record measured nothing of what is asked for now", hint="compare with another")


def compare(old: Record, new: Record, bound: float) -> Comparison:
    """Hold a record against an earlier one, variant by variant.

    Parameters
    ----------
    bound
        Of the ratio of the p50; only what became slower can be beyond it.

    """
    before = {result.variant: result for result in old.results if result.summary}
    now = {result.variant: result for result in new.results}
    ratios = tuple(_ratio(before[variant], now[variant], bound) for variant in now if variant in before)
    missing = tuple(variant for variant in before if variant not in now)
    return Comparison(old.created, bound, tuple(_differs(old, new)), ratios, missing)


def lines(found: Comparison, *, markdown: bool = False) -> list[str]:
    """Write a comparison for a person."""
    rows = [("p50, ms", "then", "now", "ratio", "")]
    for one in found.ratios:
        now, ratio = ("failed" if x is None else f"{x:.2f}" for x in (one.new_p50_ms, one.ratio))
        mark = ", ".join(["BEYOND"] * one.beyond + ["unsteady"] * one.unsteady)
        rows.append((_name(one.variant), f"{one.old_p50_ms:.2f}", now, ratio, mark))
    said = [f"beside the record of {found.created}, bound {found.bound:g}"]
    if markdown:
        said += ["", *piped([rows[0], ("---", *["---:"] * 3, "---"), *rows[1:]]), ""]
    else:
        said += [
            f"  {name:<38} {then:>9} {now:>9} {ratio:>7}  {mark}".rstrip() for name, then, now, ratio, mark in rows
        ]
    notes = [f"differs: {words}" for words in found.differs]
    notes += [f"not measured now: {_name(variant)}" for variant in found.not_measured]
    return said + [f"- {note}" if markdown else note for note in notes]


def _ratio(old: Result, new: Result, bound: float) -> Ratio:
    assert old.summary is not None  # noqa: S101 - such are left out by compare
    then = old.summary.p50_ms
    if new.summary is None or new.error:
        return Ratio(new.variant, then, None, None, beyond=True, unsteady=old.summary.unsteady)
    now = new.summary.p50_ms
    ratio = now / then
    return Ratio(new.variant, then, now, ratio, ratio > bound, old.summary.unsteady or new.summary.unsteady)


def _differs(old: Record, new: Record) -> list[str]:
    """Whatever else the figures may come from."""
    machine = ("version", "python", "system", "cpu", "cores", "board", "power_mode", "nvidia_driver", "packages")
    had = ("affinity", "cgroup_cores", "threads", "governor", "scans_sha256")
    pairs: dict[str, tuple[object, object]] = {"bundle": (old.bundle_sha256[:12], new.bundle_sha256[:12])}
    pairs |= {name: (old.machine.get(name), new.machine.get(name)) for name in machine}
    pairs |= {name: (getattr(old.conditions, name), getattr(new.conditions, name)) for name in had}
    return [f"{name}: {_short(then)} then, {_short(now)} now" for name, (then, now) in pairs.items() if then != now]


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {found}" for name, found in value.items())
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    return str(value)


def _name(variant: Variant) -> str:
    return f"{variant.backend} {variant.precision} {variant.name}"
