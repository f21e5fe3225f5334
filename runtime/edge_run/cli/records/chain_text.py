"""The check of a case log's hash chain as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_run.cases.chain import Chain

MOST_FAULTS = 20
_NAMES = {"series": ("answer to a series", "answers to series"), "objects": ("list of objects", "lists of objects")}


def _named(kind: str, count: int) -> str:
    one, several = _NAMES.get(kind, (kind, f"{kind}s"))
    return one if count == 1 else several


def chain_text(chain: Chain) -> str:
    """Write whether a chain is intact, and each fault in it."""
    lines = [f"FAIL  {fault.message}" for fault in chain.faults[:MOST_FAULTS]]
    if len(chain.faults) > MOST_FAULTS:
        lines.append(f"      and {len(chain.faults) - MOST_FAULTS} more")
    kinds = ", ".join(f"{count} {_named(kind, count)}" for kind, count in sorted(chain.counts.items()))
    purged = f", {chain.purged} entries purged" if chain.purged else ""
    state = "broken" if chain.faults else "ok  "
    lines.append(f"{state}  {kinds or 'the case log is empty'}{purged}")
    if not chain.faults:
        lines.append(f"head  {chain.head_hash}")
        lines.append(
            "      write it down elsewhere: checked with --head, it also shows a log that was rewritten or cut short"
        )
    if chain.head and not chain.kept_head:
        lines.append("note  there is no head file beside the log: entries that are lost at its end would not be missed")
    return "\n".join(lines)
