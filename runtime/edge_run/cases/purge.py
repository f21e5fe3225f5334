"""Delete old cases, and keep the rest verifiable."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import GateError

from . import images
from .chain import verify
from .errors import explained
from .ids import now_ms, utc
from .location import explanations_folder

if TYPE_CHECKING:
    from .log import CaseLog

_SELECTED = """SELECT seq, hash, kind FROM entries
WHERE kind IN ('case', 'note', 'series', 'objects')
AND id IN (SELECT id FROM entries WHERE kind IN ('case', 'series') AND utc < ?)
ORDER BY seq"""


class Purged(NamedTuple):
    """How many cases, notes about them and image files were deleted.

    Attributes
    ----------
    overwritten
        Whether the deleted text is gone from the files too. It is not while another process reads an older state of the
        log: the pages stay in the write-ahead log until a later purge or :func:`overwrite`.
    """

    cases: int
    notes: int
    images: int
    overwritten: bool = True


def count(log: CaseLog, before: str) -> Purged:
    """Count what `purge` would delete, without the images."""
    with explained(log.path, "read"):
        kinds = [kind for _, _, kind in log.connection.execute(_SELECTED, (before,))]
    return Purged(_cases(kinds), kinds.count("note"), 0)


def purge(log: CaseLog, before: str) -> Purged:
    """Delete the cases from before a time, all notes about them, their reports, and images that no other case has.

    One record replaces them: for each range of deleted entries its first and last number and the hash of its last,
    with which the chain continues.

    Parameters
    ----------
    before
        A time in the form of :func:`edge_run.cases.ids.utc`.

    Raises
    ------
    GateError
        The chain is broken, and purging would hide where.
    CaseLogError
        No entry was deleted; images may have been.
    """
    faults = verify(log).faults
    if any(fault.kind != "image" for fault in faults):
        raise GateError("the case log was altered, and a purge would hide where", hint="edge-run cases verify")
    with log.writing():
        selected = log.connection.execute(_SELECTED, (before,)).fetchall()
        if not selected:
            return Purged(0, 0, 0)
        ranges = [list(run) for _, run in groupby(enumerate(selected), lambda place: place[1][0] - place[0])]
        spans = [(run[0][1][0], run[-1][1][0], run[-1][1][1]) for run in ranges]
        for first, last, _ in spans:
            log.connection.execute("DELETE FROM entries WHERE seq BETWEEN ? AND ?", (first, last))
        kinds = [kind for _, _, kind in selected]
        log.add(
            {
                "kind": "purge",
                "utc": utc(now_ms()),
                "before": before,
                "cases": _cases(kinds),
                "notes": kinds.count("note"),
                "purged": spans,
            }
        )
        # Before the commit: images without cases are worse than cases without images, and no append is under way.
        swept = images.sweep(log.images, _wanted(log))
        _remove_explanations(log)
    return Purged(_cases(kinds), kinds.count("note"), swept, overwrite(log))


def overwrite(log: CaseLog) -> bool:
    """Empty the write-ahead log, which holds the deleted text; return whether nobody's reading prevented it."""
    with explained(log.path, "emptied of what was deleted"):
        (busy, *_) = log.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def last_purge(log: CaseLog) -> str:
    """Return the time before which cases were purged, as :func:`edge_run.cases.ids.utc` writes it; empty: never."""
    with explained(log.path, "read"):
        (found,) = log.connection.execute(
            "SELECT max(json_extract(entry, '$.before')) FROM entries WHERE kind = 'purge'"
        ).fetchone()
    return str(found or "")


def _cases(kinds: list[str]) -> int:
    """Count cases, answers to series among them."""
    return kinds.count("case") + kinds.count("series")


def _remove_explanations(log: CaseLog) -> None:
    """Remove the reports of cases that are gone: a report shows the scan."""
    import shutil

    folder = explanations_folder(log.path)
    if not folder.is_dir():
        return
    kept = {case for (case,) in log.connection.execute("SELECT id FROM entries WHERE kind = 'case'")}
    for report in folder.iterdir():
        if report.name not in kept and report.is_dir():
            shutil.rmtree(report)


def _wanted(log: CaseLog) -> set[str]:
    kept = log.connection.execute("SELECT json_extract(entry, '$.kept_image') FROM entries WHERE kind = 'case'")
    return {name for (name,) in kept if name}
