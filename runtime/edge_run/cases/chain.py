"""Whether a log is still what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from . import images, schema
from .hashing import GENESIS, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .log import CaseLog

MOST_FAULTS = 100


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and with which entry (0: with the log as a whole)."""

    seq: int
    kind: str
    message: str


class Chain(msgspec.Struct, frozen=True):
    """What was found.

    Attributes
    ----------
    counts
        Entries by kind.
    purged
        Entries that were purged, by the records of it.
    head, head_hash
        The last entry, and its hash.
    faults
        At most `MOST_FAULTS`; none where the chain is whole.
    """

    counts: dict[str, int]
    purged: int
    head: int
    head_hash: str
    faults: list[Fault]


def verify(log: CaseLog, noted_head: str = "") -> Chain:
    """Recompute every hash from the first entry to the last.

    Parameters
    ----------
    noted_head
        A head that was noted earlier; a log that was rewritten or cut short has it no more.

    Raises
    ------
    CaseLogError
        It cannot be read.
    """
    with log.reading():
        walk = Walk(log, noted_head)
        faults: list[Fault] = []
        for fault in _faults(log, walk):
            if len(faults) < MOST_FAULTS:
                faults.append(fault)
        return Chain(walk.counts, sum(b - a + 1 for a, (b, _) in walk.gaps.items()), walk.seq, walk.hash, faults)


class Walk:
    """From the first entry to the last."""

    def __init__(self, log: CaseLog, noted: str) -> None:
        self.log, self.connection, self.noted = log, log.connection, noted
        self.seq, self.hash = 0, GENESIS
        self.counts: dict[str, int] = {}
        self.gaps = purged_ranges(log)
        self.passed_noted = any(hashed.startswith(noted) for _, hashed in self.gaps.values())

    def faults(self) -> Iterator[Fault]:
        """Follow the chain, and go on behind each fault as if there had been none."""
        for seq, text, stored in self.connection.execute("SELECT seq, entry, hash FROM entries ORDER BY seq"):
            known = True
            if seq != self.seq + 1:
                known = self._cross(seq)
                if not known:
                    yield Fault(seq, "missing", f"{_span(self.seq + 1, seq - 1)} missing")
            yield from self._entry(seq, text, stored, known)
            self.seq, self.hash = seq, stored
            self.passed_noted |= stored.startswith(self.noted)

    def _entry(self, seq: int, text: str, stored: str, known: bool) -> Iterator[Fault]:
        entry = _read(text)
        kind = str(entry.get("kind"))
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if entry.get("seq") != seq:
            yield Fault(seq, "reordered", f"entry {seq} says that it is entry {entry.get('seq')}")
        elif known and link(self.hash, text) != stored:
            yield Fault(seq, "altered", f"entry {seq} does not fit its hash: it was altered, or the one before it")
        image = entry.get("kept_image")
        if image and not images.is_intact(self.log.images, str(image)):
            yield Fault(seq, "image", f"the image kept of case {entry.get('id')} is missing or altered")

    def _cross(self, seq: int) -> bool:
        """Go to an entry behind a gap; whether purges account for all of the gap."""
        at, hashed = self.seq + 1, self.hash
        while at < seq and at in self.gaps:
            last, hashed = self.gaps[at]
            at = last + 1
        if at == seq:
            self.hash = hashed
        return at == seq


def purged_ranges(log: CaseLog) -> dict[int, tuple[int, str]]:
    """First entry of each purged range -> its last, and that one's hash, with which the chain goes on."""
    purges = log.connection.execute("SELECT entry FROM entries WHERE kind = 'purge'")
    return {first: (last, hashed) for (text,) in purges for first, last, hashed in _read(text).get("purged", ())}


def _faults(log: CaseLog, walk: Walk) -> Iterator[Fault]:
    statements = schema.found(log.connection)
    if statements != schema.TABLES:
        names = ", ".join(sorted({name for name, _ in statements.items() ^ schema.TABLES.items()}))
        yield Fault(0, "tables", f"the log's tables are not those that edge-run makes: {names}")
    yield from walk.faults()
    heads = log.connection.execute("SELECT seq, hash FROM head").fetchall()
    if [(walk.seq, walk.hash)] != heads:
        until = heads[0][0] if len(heads) == 1 else 0
        if until > walk.seq:
            yield Fault(walk.seq, "missing", f"{_span(walk.seq + 1, until)} missing at the end")
        else:
            yield Fault(walk.seq, "head", f"the head is not entry {walk.seq}, the last")
    if walk.noted and not walk.passed_noted:
        purged = " (or that entry was purged since)" if walk.gaps else ""
        since = f"the log was rewritten or cut short since it was noted{purged}"
        yield Fault(0, "head", f"no entry has the hash {walk.noted}: {since}")
    for (said,) in log.connection.execute("PRAGMA integrity_check(1)"):
        if said != "ok":
            yield Fault(0, "database", f"SQLite finds the database damaged: {said}")


def _span(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _read(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return {}
