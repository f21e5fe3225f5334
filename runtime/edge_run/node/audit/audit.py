"""Compare the reports of an archive with the case log, entry by entry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from edge_run.cases.chain import verify
from edge_run.cases.ids import time_of
from edge_run.cases.purge import last_purge
from edge_run.cases.series import SeriesEntry, series_entries
from edge_run.node.results.context import MANUFACTURER

from .reported import Reported, read_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom import Dataset

    from edge_run.cases import CaseLog

MISSING, ALTERED, UNKNOWN, LOG = "missing", "altered", "unknown", "log"


class Fault(msgspec.Struct, frozen=True):
    """Where archive and log disagree.

    Attributes
    ----------
    kind
        ``missing``: logged, and not in the archive. ``altered``: in the archive, and not as it was logged.
        ``unknown``: in the archive, and not logged. ``log``: the log itself was altered.
    case
        Id of the case; empty where there is none.
    message
        What is wrong, a sentence.
    """

    kind: str
    case: str
    message: str


class Audit(msgspec.Struct, frozen=True):
    """The result of an audit.

    Attributes
    ----------
    logged
        Answers to series in the log.
    reports
        Reports of edge-run in the archive.
    proved
        How many of these are exactly what was logged.
    purged
        How many are about cases that were purged from the log, so that nothing can be said about them.
    unreported
        Answers in the log without a report yet: the node stopped before it made one, or makes it now.
    faults
        None where archive and log agree.
    """

    logged: int
    reports: int
    proved: int
    purged: int
    unreported: int
    faults: list[Fault]


def audit(log: CaseLog, reports: Iterable[Dataset], *, since: str = "") -> Audit:
    """Compare.

    Parameters
    ----------
    reports
        From the archive; those of other manufacturers are passed over.
    since
        Check answers from this time on only, as :func:`edge_run.cases.ids.utc` writes it.

    Raises
    ------
    CaseLogError
        The log cannot be read.
    """
    chain = verify(log)
    faults = [Fault(LOG, "", f"the case log was altered: {fault.message}") for fault in chain.faults]
    with log.reading():
        entries = {entry.logged.case: entry for entry in series_entries(log, since=since)}
        purged_before = last_purge(log)
    seen: set[str] = set()
    count = proved = purged = 0
    for dataset in reports:
        if str(dataset.get("Manufacturer") or "") != MANUFACTURER:
            continue
        report = read_report(dataset)
        case = report.parameters.get("case", "")
        entry = entries.get(case)
        if entry is None and _is_before(case, since):
            continue
        count += 1
        if entry is None and _is_before(case, purged_before):
            purged += 1
            continue
        found = list(_compare(report, entry, case))
        faults += found
        proved += not found
        seen.add(report.hashes.uid_sha256)
    faults += _missing(entries.values(), seen)
    unreported = sum(not entry.objects for entry in entries.values())
    return Audit(len(entries), count, proved, purged, unreported, faults)


def _compare(report: Reported, entry: SeriesEntry | None, case: str) -> Iterator[Fault]:
    """Yield what keeps a report from being the one that was logged, the plainest first."""
    if entry is None:
        says = "is about a case that the log does not have" if case else "names no case"
        yield Fault(UNKNOWN, case, f"{report.name} {says}")
        return
    if report.parameters.get("chain head") != entry.logged.hash:
        yield Fault(ALTERED, case, f"{report.name} has another chain head than the log's entry {entry.seq}")
    differences = list(_differences(report, entry))
    for difference in differences:
        yield Fault(ALTERED, case, f"{report.name} {difference}")
    logged = [one for one in entry.objects if one.uid_sha256 == report.hashes.uid_sha256]
    if not logged:
        yield Fault(UNKNOWN, case, f"{report.name} is not the one that was made for this case")
    elif logged[-1].content_sha256 != report.hashes.content_sha256 and not differences:
        yield Fault(ALTERED, case, f"{report.name}: its content was changed; finding and probability are as logged")
    elif logged[-1].object_sha256 != report.hashes.object_sha256 and not differences:
        yield Fault(
            ALTERED, case, f"{report.name}: the answer is as logged, but patient, study or references were changed"
        )


def _differences(report: Reported, entry: SeriesEntry) -> Iterator[str]:
    facts = entry.facts
    if report.finding != facts.finding:
        yield f"says {report.finding or 'no finding'}, the log says {facts.finding}"
    if not _same(report.probability, facts.probability):
        yield f"gives the probability {report.probability}, the log {facts.probability}"
    logged = tuple(sorted(flag.get("name", "") for flag in facts.flags))
    if report.flags != logged:
        yield f"has the flags {', '.join(report.flags) or 'none'}, the log {', '.join(logged) or 'none'}"
    bundle = str(facts.source.get("bundle_sha256", ""))
    if report.parameters.get("bundle sha256") != bundle:
        yield f"names another bundle than the log, {bundle[:12]}"


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12)


def _missing(entries: Iterable[SeriesEntry], seen: set[str]) -> Iterator[Fault]:
    for entry in entries:
        for one in entry.objects:
            if one.modality == "SR" and one.uid_sha256 not in seen:
                case, when = entry.logged.case, entry.logged.utc[:19].replace("T", " ")
                yield Fault(MISSING, case, f"the report of case {case}, answered {when} UTC, is not in the archive")


def _is_before(case: str, moment: str) -> bool:
    """Whether a case was logged before a time, by its id, whose first digits are a time."""
    return "" < time_of(case) < moment
