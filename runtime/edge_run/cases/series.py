"""Answers to whole series in the log, and the hashes of the DICOM objects that reported them.

An entry of kind ``series`` holds an answer; it is followed by one of kind ``objects`` with the same id, which holds a
hash for each object that was made of it. No UID and nothing of a patient is kept: whoever has the object can compute
its hashes, and so prove that it is the one that was logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from edge_run.voting.prediction import Source

from .ids import greatest_id, new_id, now_ms, utc
from .rows import decoded, last_seq, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .log import CaseLog

_RECENT = 500
"""How far back an answer is looked for that a crash left without objects."""


class SeriesFacts(msgspec.Struct, frozen=True):
    """What is logged of an answer to a series.

    Attributes
    ----------
    inputs_sha256
        Hash of the hashes of the series' files.
    finding
        ``present``, ``absent`` or ``indeterminate``.
    positive
        The label that is the finding.
    label, probability
        The vote's answer, and the probability of the finding; None where the series failed.
    interval
        Bounds of ``probability`` had all members answered.
    flags
        Name and reason of each.
    failure
        Why there is no answer.
    slices, unreadable
        How many slices were answered, and could not be read.
    answer_version
        1 for the first answer to a series.
    source
        Which software answered, as :class:`edge_run.voting.prediction.Source` is written.
    """

    inputs_sha256: str
    finding: str
    positive: str
    label: str | None
    probability: float | None
    interval: tuple[float, float] | None
    flags: tuple[dict[str, str], ...]
    failure: str
    slices: int
    unreadable: int
    answer_version: int
    source: dict[str, Any]


class LoggedObject(msgspec.Struct, frozen=True):
    """Hashes of one DICOM object.

    Attributes
    ----------
    modality
        ``SR``, ``OT`` and so on.
    uid_sha256
        Of its SOP Instance UID.
    content_sha256
        Of what it says.
    object_sha256
        Of all of it, with patient, study and references.
    """

    modality: str
    uid_sha256: str
    content_sha256: str
    object_sha256: str


class LoggedAnswer(NamedTuple):
    """An entry about a series: its case id, when it was logged, and its hash, which was then the chain's head."""

    case: str
    utc: str
    hash: str


class SeriesEntry(NamedTuple):
    """An answer in the log, and the objects that were made of it; none where the node stopped before."""

    seq: int
    logged: LoggedAnswer
    facts: SeriesFacts
    objects: tuple[LoggedObject, ...]


def append_series(log: CaseLog, facts: SeriesFacts) -> LoggedAnswer:
    """Log an answer to a series.

    Where the same answer was logged before and has no objects, because the node stopped in between, that entry is
    returned and nothing is added: so one answer has one entry, one case id and one report.

    Raises
    ------
    CaseLogError
        Nothing was logged.
    """
    with log.writing():
        if unfinished := _unfinished(log, facts):
            return unfinished
        ms = now_ms()
        case, moment = new_id(ms, greatest_id(log.connection)), utc(ms)
        fields = msgspec.to_builtins(facts)
        source = fields.pop("source")
        log.add({"kind": "series", "id": case, "utc": moment, **source, **fields})
        return LoggedAnswer(case, moment, log.head().hash)


def append_objects(log: CaseLog, case: str, objects: Sequence[LoggedObject]) -> None:
    """Log the hashes of the objects that report an answer.

    Raises
    ------
    CaseLogError
        Nothing was logged.
    """
    with log.writing():
        log.add({"kind": "objects", "id": case, "utc": utc(now_ms()), "objects": msgspec.to_builtins(list(objects))})


def series_entries(log: CaseLog, *, since: str = "", first: int = 1) -> Iterator[SeriesEntry]:
    """Read all answers to series, oldest first; damaged entries are left out, as verifying the chain names them.

    Parameters
    ----------
    since
        Only those from this time on, as :func:`edge_run.cases.ids.utc` writes it.
    first
        Number of the first entry that is read.
    """
    open_: dict[str, SeriesEntry] = {}
    for row in rows(log.connection, last_seq(log.connection), first=first):
        # Most entries are cases: this saves decoding them.
        if row.text is None or row.hash is None or '"kind":"case"' in row.text:
            continue
        entry = decoded(row.text) or {}
        case = str(entry.get("id", ""))
        if entry.get("kind") == "series" and str(entry.get("utc", "")) >= since:
            facts = _facts(entry)
            if facts is not None:
                open_[case] = SeriesEntry(row.seq, LoggedAnswer(case, str(entry["utc"]), row.hash), facts, ())
        elif entry.get("kind") == "objects" and case in open_:
            open_[case] = open_[case]._replace(objects=(*open_[case].objects, *_objects(entry)))
    yield from open_.values()


def _unfinished(log: CaseLog, facts: SeriesFacts) -> LoggedAnswer | None:
    first = max(1, last_seq(log.connection) - _RECENT)
    # As they are read back: JSON knows no tuples.
    wanted = msgspec.json.decode(msgspec.json.encode(facts), type=SeriesFacts)
    same = [entry for entry in series_entries(log, first=first) if entry.facts == wanted and not entry.objects]
    return same[-1].logged if same else None


# Of the type itself, so that a new field is read back too: an answer is known again by all of them.
_SOURCE = Source.__struct_fields__


def _facts(entry: dict[str, Any]) -> SeriesFacts | None:
    source = {name: entry[name] for name in _SOURCE if name in entry}
    try:
        return msgspec.convert({**entry, "source": source}, SeriesFacts)
    except msgspec.ValidationError:
        return None


def _objects(entry: dict[str, Any]) -> tuple[LoggedObject, ...]:
    try:
        return msgspec.convert(entry.get("objects"), tuple[LoggedObject, ...])
    except msgspec.ValidationError:
        return ()
