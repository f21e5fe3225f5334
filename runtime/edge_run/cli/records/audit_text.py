"""The comparison of an archive with the case log as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_run.node.audit import Audit

MOST_FAULTS = 40


def audit_text(found: Audit) -> str:
    """Write each disagreement, and the counts."""
    lines = [f"FAIL  {fault.kind:<8} {fault.message}" for fault in found.faults[:MOST_FAULTS]]
    if len(found.faults) > MOST_FAULTS:
        lines.append(f"      and {len(found.faults) - MOST_FAULTS} more: --json shows all")
    state = "FAIL" if found.faults else "ok  "
    lines.append(
        f"{state}  {_count(found.logged, 'answer')} in the log, {_count(found.reports, 'report')} in the archive, "
        f"{found.proved} of them exactly as logged"
    )
    if found.purged:
        lines.append(f"note  {_count(found.purged, 'report')} about purged cases: nothing proves or disproves them")
    if found.unreported:
        lines.append(
            f"note  {_count(found.unreported, 'answer')} without a report yet: the node makes it when it starts again"
        )
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
