"""A merged archive as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drift_text import drift_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge_run.batch.merge import Merged
    from edge_run.batch.summary import Summary

MOST_FAULTS, MOST_ERRORS = 20, 10


def batch_text(merged: Merged, summary: Summary, out: Path) -> str:
    """Write what the parts hold, what is missing or wrong, and what the answers look like."""
    answered = sum(summary.labels.values())
    lines = [
        f"{out}: {merged.parts + merged.open_parts} parts, {merged.listed} listed files, {summary.rows} rows",
        f"  answered   {merged.answered}",
        f"  errors     {merged.errors}",
        *(f"    {count:>6}  {message}" for message, count in [*summary.error_messages.items()][:MOST_ERRORS]),
        f"  missing    {merged.missing}",
        *(f"            {name}" for name in merged.missing_files),
    ]
    lines += _notes(merged)
    lines += [f"  chain      {fault.part}: {fault.message}" for fault in merged.faults[:MOST_FAULTS]]
    lines += ["  chains     intact"] if not merged.faults else [f"  chains     {len(merged.faults)} faults"]
    lines += _shares("labels", summary.labels, answered)
    if answered:
        lines += _shares(f"flagged: {summary.flagged} rows", summary.flags, answered)
    lines += ["answered by", *(f"  {count:>8}  {source}" for source, count in summary.sources.items())]
    if summary.drift:
        lines += ["", drift_text(summary.drift)]
    elif answered:
        lines += ["no comparison with the validation scans: the bundle is not on this machine"]
    return "\n".join(lines)


def _notes(merged: Merged) -> list[str]:
    notes = {
        f"copies     {merged.copies} files have the content of another": merged.copies,
        f"double     {merged.double} files were answered twice with the same answer; one is kept": merged.double,
        f"differing  {merged.differing} files have answers that differ: {', '.join(merged.differing_files)}": (
            merged.differing
        ),
        f"unlisted   {merged.unlisted} files have a row and are in no list": merged.unlisted,
        f"open       {merged.open_parts} parts are not complete: their shards run, or were killed": merged.open_parts,
    }
    return [f"  {note}" for note, count in notes.items() if count]


def _shares(title: str, counts: Mapping[str, int], of: int) -> list[str]:
    return [title, *(f"  {count:>8}  {count / of:6.1%}  {name}" for name, count in counts.items())]
