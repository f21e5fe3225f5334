"""Verify that a log still holds what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from . import images, schema
from .hashing import GENESIS, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .log import CaseLog

MAX_FAULTS = 100


class Fault(msgspec.Struct, frozen=True):
    """One fault, and the number of the entry that has it (0: the log as a whole)."""

    seq: int
    kind: str
    message: str


class Chain(msgspec.Struct, frozen=True):
    """The result of a verification.

    Attributes
    ----------
    counts
        Entries by kind.
    purged
        How many entries were purged, according to the records of purges.
    head, head_hash
        The last entry, and its hash.
    faults
        At most `MAX_FAULTS`; none where the chain is intact.
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
        verifier = ChainVerifier(log, noted_head)
        faults: list[Fault] = []
        for fault in _faults(log, verifier):
            if len(faults) < MAX_FAULTS:
                faults.append(fault)
        return Chain(
            verifier.counts, sum(b - a + 1 for a, (b, _) in verifier.gaps.items()), verifier.seq, verifier.hash, faults
        )


class ChainVerifier:
    """Follows the chain from the first entry to the last.

    Parameters
    ----------
    log
        Opened, within :meth:`CaseLog.reading`.
    noted
        A head that was noted earlier, or its beginning; empty where there is none.
    """

    def __init__(self, log: CaseLog, noted: str) -> None:
        self.log, self.connection, self.noted = log, log.connection, noted
        self.seq, self.hash = 0, GENESIS
        self.counts: dict[str, int] = {}
        self.gaps = purged_ranges(log)
        self.passed_noted = any(hashed.startswith(noted) for _, hashed in self.gaps.values())

    def faults(self) -> Iterator[Fault]:
        """Yield the faults of all entries; after each, continue as if the entry were as it was written."""
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
        """Continue at an entry behind a gap, and return whether purges account for the whole gap."""
        at, hashed = self.seq + 1, self.hash
        while at < seq and at in self.gaps:
            last, hashed = self.gaps[at]
            at = last + 1
        if at == seq:
            self.hash = hashed
        return at == seq


def purged_ranges(log: CaseLog) -> dict[int, tuple[int, str]]:
    """Map the first entry of each purged range to its last and that one's hash, with which the chain continues."""
    purges = log.connection.execute("SELECT entry FROM entries WHERE kind = 'purge'")
    return {first: (last, hashed) for (text,) in purges for first, last, hashed in _read(text).get("purged", ())}


def _faults(log: CaseLog, verifier: ChainVerifier) -> Iterator[Fault]:
    found = schema.statements(log.connection)
    if found != schema.TABLES:
        names = ", ".join(sorted({name for name, _ in found.items() ^ schema.TABLES.items()}))
        yield Fault(0, "tables", f"the log's tables are not those that edge-run creates: {names}")
    yield from verifier.faults()
    heads = log.connection.execute("SELECT seq, hash FROM head").fetchall()
    if [(verifier.seq, verifier.hash)] != heads:
        until = heads[0][0] if len(heads) == 1 else 0
        if until > verifier.seq:
            yield Fault(verifier.seq, "missing", f"{_span(verifier.seq + 1, until)} missing at the end")
        else:
            yield Fault(verifier.seq, "head", f"the head is not entry {verifier.seq}, the last")
    if verifier.noted and not verifier.passed_noted:
        purged = " (or that entry was purged since)" if verifier.gaps else ""
        since = f"the log was rewritten or cut short since it was noted{purged}"
        yield Fault(0, "head", f"no entry has the hash {verifier.noted}: {since}")
    for (result,) in log.connection.execute("PRAGMA integrity_check(1)"):
        if result != "ok":
            yield Fault(0, "database", f"SQLite finds the database damaged: {result}")


def _span(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _read(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return {}
