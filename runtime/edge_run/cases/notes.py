"""Notes that a person adds to a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import UsageError

from .ids import now_ms, utc
from .reading import find

if TYPE_CHECKING:
    from .hashing import Entry
    from .log import CaseLog

MAX_REMARK = 2000
FINDINGS = ("present", "absent", "indeterminate")
"""What a note can say about a series."""


def note(log: CaseLog, abbreviation: str, *, label: str | None, remark: str) -> Entry:
    """Add a note to a case; neither the case nor earlier notes change.

    Parameters
    ----------
    abbreviation
        The case's id, or enough of its beginning or end that no other case has it.
    label
        What the scan shows: one of the case's labels, of a series one of `FINDINGS`; None: only a remark.

    Returns
    -------
    The case with its notes.

    Raises
    ------
    UsageError
        No such case or label, nothing to note, or too much.
    """
    case = find(log, abbreviation, series=True)
    labels = FINDINGS if case["kind"] == "series" else tuple(case["probabilities"])
    if label is not None and label not in labels:
        raise UsageError(f"case {case['id']} has no label {label!r}", hint=f"one of {', '.join(labels)}")
    if label is None and not remark:
        raise UsageError("there is nothing to note", hint="give --label, --remark or both")
    if len(remark) > MAX_REMARK:
        raise UsageError(f"the remark has {len(remark)} characters, more than {MAX_REMARK}", hint="shorten it")
    with log.writing():
        # A command-line argument may hold bytes that are not UTF-8, which JSON cannot store.
        text = remark.encode("utf-8", "replace").decode()
        log.add({"kind": "note", "id": case["id"], "utc": utc(now_ms()), "label": label, "remark": text})
    return find(log, case["id"], series=True)
