"""Verify that a log still holds what was written."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from . import images, schema
from .errors import AlteredCaseLogError, CaseLogError
from .hashing import GENESIS, link
from .head import Head, follows, head_path, read_head
from .log import CaseLog
from .rows import Row, decoded, is_damage, last_seq, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    kept_head
        Whether a head file lies beside the log; without it, entries that are lost at the end are not detected.
    """

    counts: dict[str, int]
    purged: int
    head: int
    head_hash: str
    faults: list[Fault]
    kept_head: bool = False


def verify_file(path: Path | None = None, noted_head: str = "") -> Chain:
    """Verify a log of which even the header may be damaged; it may lie on a disk that cannot be written.

    Parameters
    ----------
    path
        :func:`edge_run.cases.default_path` by default.
    noted_head
        As for :func:`verify`.

    Raises
    ------
    CaseLogError
        There is no such file, or this user may not read it.
    """
    try:
        with CaseLog.existing(path) as log:
            return verify(log, noted_head)
    except AlteredCaseLogError as error:
        return Chain({}, 0, 0, GENESIS, [Fault(0, "tables", error.message)])
    except CaseLogError as error:
        cause = error.__cause__
        if isinstance(cause, UnicodeDecodeError) or (isinstance(cause, sqlite3.DatabaseError) and is_damage(cause)):
            return Chain({}, 0, 0, GENESIS, [Fault(0, "database", error.message)])
        raise


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
    # Before the transaction: an entry that another process adds meanwhile is then not missed.
    kept = read_head(log.path)
    with log.reading():
        verifier = ChainVerifier(log, noted_head)
        faults: list[Fault] = []
        for fault in verifier.all_faults():
            if len(faults) < MAX_FAULTS:
                faults.append(fault)
        faults += _kept_head_faults(log, kept, verifier.seq, faults)
        purged = sum(last - first + 1 for first, (last, _) in verifier.gaps.items())
        return Chain(verifier.counts, purged, verifier.seq, verifier.hash, faults, kept is not None)


def _kept_head_faults(log: CaseLog, kept: Head | None, last: int, faults: list[Fault]) -> list[Fault]:
    """Compare the head file with the last entry of the database."""
    if kept is None or any(fault.kind == "missing" and fault.seq == last for fault in faults):
        return []
    name = head_path(log.path).name
    if kept.seq > last:
        lost = "the write-ahead log was lost, or an older copy took the database's place"
        missing = f"{_span(last + 1, kept.seq)} missing at the end, according to {name}: {lost}"
        return [Fault(last, "missing", missing)]
    with suppress(sqlite3.DatabaseError):
        if not follows(log.connection, kept):
            return [Fault(kept.seq, "head", f"entry {kept.seq} is not the one that {name} names")]
    return []


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

    def all_faults(self) -> Iterator[Fault]:
        """Yield the faults of the tables, of all entries, of the head and of the database's own structure."""
        if changed := schema.differences(self.connection):
            yield Fault(0, "tables", f"the log's tables are not those that edge-run creates: {', '.join(changed)}")
        try:
            yield from self.faults()
            yield from self._head_faults()
        except sqlite3.DatabaseError as error:
            if not (is_damage(error) or "no such" in str(error)):
                raise
            yield Fault(0, "database", f"SQLite cannot read the database: {error}")
        try:
            for (result,) in self.connection.execute("PRAGMA integrity_check(1)"):
                if result != "ok":
                    yield Fault(0, "database", f"SQLite finds the database damaged: {result}")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            yield Fault(0, "database", f"SQLite finds the database damaged: {error}")

    def faults(self) -> Iterator[Fault]:
        """Yield the faults of all entries; after each, continue as if the entry were as it was written."""
        kept = read_head(self.log.path)
        last = max(last_seq(self.connection), kept.seq if kept else 0)
        for row in rows(self.connection, last):
            known = True
            if row.seq != self.seq + 1:
                known = self._cross(row.seq)
                if not known and row.seq > self.seq:
                    yield Fault(row.seq, "missing", f"{_span(self.seq + 1, row.seq - 1)} missing")
                elif not known:
                    yield Fault(row.seq, "reordered", f"entry {row.seq} comes after entry {self.seq}")
            yield from self._entry(row, known)
            self.seq, self.hash = row.seq, row.hash or ""
            self.passed_noted |= bool(row.hash) and self.hash.startswith(self.noted)

    def _entry(self, row: Row, known: bool) -> Iterator[Fault]:
        entry = decoded(row.text)
        kind = str(entry.get("kind")) if entry else "damaged"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if row.text is None or row.hash is None:
            yield Fault(row.seq, "altered", f"entry {row.seq} cannot be read: it was altered or the disk damaged it")
        elif entry is None or (known and entry.get("seq") == row.seq and link(self.hash, row.text) != row.hash):
            yield Fault(
                row.seq, "altered", f"entry {row.seq} does not fit its hash: it was altered, or the one before it"
            )
        elif entry.get("seq") != row.seq:
            yield Fault(row.seq, "reordered", f"entry {row.seq} says that it is entry {entry.get('seq')}")
        image = entry.get("kept_image") if entry else None
        if image and not images.is_intact(self.log.images, str(image)):
            yield Fault(row.seq, "image", f"the image kept of case {entry and entry.get('id')} is missing or altered")

    def _cross(self, seq: int) -> bool:
        """Continue at an entry behind a gap, and return whether purges account for the whole gap."""
        at, hashed = self.seq + 1, self.hash
        while at < seq and at in self.gaps:
            last, hashed = self.gaps[at]
            at = last + 1
        if at == seq:
            self.hash = hashed
        return at == seq

    def _head_faults(self) -> Iterator[Fault]:
        heads = self.connection.execute("SELECT seq, hash FROM head").fetchall()
        if [(self.seq, self.hash)] != heads:
            until = heads[0][0] if len(heads) == 1 and isinstance(heads[0][0], int) else 0
            if until > self.seq:
                yield Fault(self.seq, "missing", f"{_span(self.seq + 1, until)} missing at the end")
            else:
                yield Fault(self.seq, "head", f"the head is not entry {self.seq}, the last")
        if self.noted and not self.passed_noted:
            purged = " (or that entry was purged since)" if self.gaps else ""
            since = f"the log was rewritten or cut short since it was noted{purged}"
            yield Fault(0, "head", f"no entry has the hash {self.noted}: {since}")


def purged_ranges(log: CaseLog) -> dict[int, tuple[int, str]]:
    """Map the first entry of each purged range to its last and that one's hash, with which the chain continues."""
    found: dict[int, tuple[int, str]] = {}
    for row in rows(log.connection, last_seq(log.connection)):
        # Most entries are cases: this saves decoding them.
        if row.text is not None and '"kind":"purge"' in row.text:
            entry = decoded(row.text)
            try:
                ranges = msgspec.convert(entry and entry.get("purged"), list[tuple[int, int, str]])
            except msgspec.ValidationError:
                continue
            found |= {first: (last, hashed) for first, last, hashed in ranges}
    return found


def _span(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
