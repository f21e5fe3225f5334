"""Write a record as text and as Markdown."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from edge_run.backends.table import computed_in

from .plan import CERTIFIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .record import Record, Result

COLUMNS = (
    "ms p50", "p90", "p95", "p99", "per s", "load ms", "first ms", "cold ms", "peak MiB", "files MiB", "J", "members",
    "spread",
)  # fmt: skip
MIB = 2**20


def text(record: Record) -> str:
    """Write the conditions, a table by backend and precision, and notes."""
    columns = _columns(record)
    lines = head(record)
    table = [("", list(columns))]
    for (backend, precision), group in groupby(record.results, lambda r: (r.variant.backend, r.variant.precision)):
        table += [("", []), (heading(backend, precision), [])]
        table += [(f"  {result.variant.name}", _cells(result, columns)) for result in group]
    return "\n".join([*lines, "", *_aligned(table), "", *notes(record)])


def _aligned(table: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Align names to the left, and cells to the right of columns as wide as needed."""
    left = max(len(name) for name, _ in table)
    widths = [2 + max(map(len, column)) for column in zip(*(cells for _, cells in table if cells), strict=True)]
    return [
        f"{name:<{left}}{''.join(f'{cell:>{width}}' for cell, width in zip(cells, widths, strict=False))}".rstrip()
        for name, cells in table
    ]


def markdown(record: Record) -> str:
    """Write one table of all results, with the conditions and notes of `text`."""
    columns = _columns(record)
    rows = [["backend", "precision", "what", *columns], ["---"] * 3 + ["---:"] * len(columns)]
    for result in record.results:
        variant = result.variant
        rows.append([variant.backend, variant.precision, variant.name, *_cells(result, columns)])
    around = [f"- {line}" for line in head(record)], [f"- {note}" for note in notes(record)]
    return "\n".join([*around[0], "", *piped(rows), "", *around[1]])


def piped(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows of a Markdown table: the head, the dashes, and the rest."""
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]


def head(record: Record) -> list[str]:
    """Write the bundle, the machine and the duration."""
    had, machine = record.conditions, record.machine
    cores = f"{had.threads} threads on cores {ranges(had.affinity) or '?'}"
    limit = "" if had.cgroup_cores is None else f", {had.cgroup_cores:g} by the cgroup"
    board = machine.get("board") or machine.get("cpu", "")
    mode = "".join(f", {word}" for word in (machine.get("power_mode"), had.governor) if word)
    scans = f"{had.scans} {'synthetic' if had.synthetic else 'given'} scans"
    least = f"at least {had.min_time_s:g} s and {had.min_count} answers"
    return [
        f"bundle {record.bundle} {record.bundle_sha256[:12]}, edge-run {machine.get('version', '')}",
        f"{board}{mode}: {cores}{limit}; load {had.load[0]:.1f} before, {had.load[1]:.1f} after",
        f"{scans}; {had.rounds} fresh processes each, interleaved; {least}",
    ]


def notes(record: Record) -> list[str]:
    """Write what failed, what was skipped, and what a reader must know."""
    lines = [f"failed: {name(result)}: {result.error}" for result in record.results if result.error]
    known = [(result, result.summary) for result in record.results if result.summary]
    unsteady = sum(summary.unsteady for _, summary in known)
    if unsteady:
        over = f"the trial medians spread over more than {record.conditions.unsteady_over:.0%}"
        lines.append(f"UNSTEADY (!): {over} in {unsteady} of {len(known)}; measure again on an idle machine")
    if record.conditions.synthetic and any(result.variant.exit == CERTIFIED for result, _ in known):
        lines.append("certified exit depends on the scans, and these are synthetic: give scans of your own")
    if any(summary.samples < 100 for _, summary in known):
        lines.append("with fewer than 100 answers, p99 is close to the slowest answer")
    pairs = dict.fromkeys((result.variant.backend, result.variant.precision) for result, _ in known)
    lines += [heading(*pair) for pair in pairs if computed_in(*pair)]
    meters = sorted({meter for _, summary in known for meter in summary.energy_j})
    lines.append(f"energy: {', '.join(meters) or 'not available'}")
    lines += [f"skipped: {' '.join(filter(None, (o.backend, o.precision)))}: {o.reason}" for o in record.skipped]
    return lines


def heading(backend: str, precision: str) -> str:
    """Name the rows of a backend and a precision, and what it computes in, where that is something else."""
    other = computed_in(backend, precision)
    return f"{backend} {precision}" + (f", computed in {other}" if other else "")


def name(result: Result) -> str:
    """Name a result in a sentence: ``cpu int8-cpu resnet18``."""
    return f"{result.variant.backend} {result.variant.precision} {result.variant.name}"


def ranges(numbers: Sequence[int]) -> str:
    """Write whole numbers in rising order as ``0-3,6``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def _columns(record: Record) -> tuple[str, ...]:
    metered = any(result.summary and result.summary.energy_j for result in record.results)
    return tuple(column for column in COLUMNS if column != "J" or metered)


def _cells(result: Result, columns: Sequence[str]) -> list[str]:
    summary = result.summary
    if summary is None:
        return ["failed", *[""] * (len(columns) - 1)]
    cells = {
        "ms p50": f"{summary.p50_ms:.2f}",
        "p90": f"{summary.p90_ms:.2f}",
        "p95": f"{summary.p95_ms:.2f}",
        "p99": f"{summary.p99_ms:.2f}",
        "per s": f"{summary.per_second:.1f}",
        "load ms": f"{summary.load_ms:.0f}",
        "first ms": f"{summary.first_ms:.1f}",
        "cold ms": "" if summary.cold_ms is None else f"{summary.cold_ms:.0f}",
        "peak MiB": "" if summary.peak_bytes is None else f"{summary.peak_bytes / MIB:.0f}",
        "files MiB": f"{result.artefact_bytes / MIB:.1f}",
        "J": " ".join(f"{joules:.3g}" for joules in summary.energy_j.values()),
        "members": f"{summary.members_run:.1f}/{len(result.threads)}" if result.variant.exit else "",
        "spread": f"{summary.spread:.1%}{'!' if summary.unsteady else ''}",
    }
    return [cells[column] for column in columns]
