"""What somebody with the file in hand can do to it, and what `verify` then finds."""

import sqlite3

import pytest

from edge_run.cases import CaseLog
from edge_run.cases.chain import Chain, verify
from edge_run.cases.hashing import GENESIS, link
from edge_run.cases.head import head_path


@pytest.fixture
def five(log, answer):
    """A log of five cases."""
    for score in (0.9, 0.8, 0.7, 0.6, 0.55):
        log.append(answer(score))
    return log


def found(log, head=""):
    return [(fault.seq, fault.kind) for fault in verify(log, head).faults]


def test_untouched(five):
    chain = verify(five)
    assert chain.faults == []
    assert chain.counts == {"case": 5}
    assert (chain.head, chain.head_hash) == tuple(five.connection.execute("SELECT seq, hash FROM head").fetchone())


def test_empty_log_is_whole(log):
    assert verify(log) == Chain({}, 0, 0, GENESIS, [])


@pytest.mark.parametrize(
    ("forgery", "faults"),
    [
        ("UPDATE entries SET entry = replace(entry, '\"covid\"', '\"other\"') WHERE seq = 3", [(3, "altered")]),
        ("UPDATE entries SET entry = entry || ' ' WHERE seq = 1", [(1, "altered")]),
        (f"UPDATE entries SET hash = '{'0' * 64}' WHERE seq = 3", [(3, "altered"), (4, "altered")]),
        ("DELETE FROM entries WHERE seq = 1", [(2, "missing")]),
        ("DELETE FROM entries WHERE seq IN (2, 3)", [(4, "missing")]),
        ("DELETE FROM entries WHERE seq > 3", [(3, "missing")]),
        ("DELETE FROM entries", [(0, "missing")]),
        ("UPDATE entries SET seq = 6 WHERE seq = 5", [(6, "missing"), (6, "reordered"), (6, "head")]),
        ("UPDATE head SET seq = 4", [(5, "head")]),
        ("DELETE FROM head", [(5, "head")]),
        ("DROP INDEX entries_by_id", [(0, "tables")]),
        ("CREATE TRIGGER sqliteXt AFTER INSERT ON entries BEGIN DELETE FROM entries; END", [(0, "tables")]),
        ("CREATE TABLE sqlite1 (a)", [(0, "tables")]),
        ("CREATE VIEW v AS SELECT 1", [(0, "tables")]),
        ("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END", [(0, "tables")]),
    ],
)
def test_forgeries(five, forgery, faults):
    five.connection.execute(forgery)
    assert found(five) == faults


def test_two_entries_in_each_others_place(five):
    five.connection.executescript(
        "UPDATE entries SET seq = 99 WHERE seq = 2; UPDATE entries SET seq = 2 WHERE seq = 3;"
        "UPDATE entries SET seq = 3 WHERE seq = 99;"
    )
    assert found(five)[:2] == [(2, "reordered"), (3, "reordered")]


def test_entry_with_its_own_hash_made_anew_shows_at_the_next(five):
    (previous,) = five.connection.execute("SELECT hash FROM entries WHERE seq = 2").fetchone()
    (text,) = five.connection.execute("SELECT entry FROM entries WHERE seq = 3").fetchone()
    forged = text.replace('"covid"', '"other"')
    five.connection.execute("UPDATE entries SET entry = ?, hash = ? WHERE seq = 3", (forged, link(previous, forged)))
    assert found(five) == [(4, "altered")]


def test_tail_cut_off_with_the_head_without_its_file_shows_only_against_a_noted_head(five, answer):
    noted = verify(five).head_hash
    five.append(answer())
    assert found(five, noted) == []
    five.connection.executescript(
        "DELETE FROM entries WHERE seq > 3; UPDATE head SET seq = 3, hash = (SELECT hash FROM entries WHERE seq = 3)"
    )
    assert found(five) == [(3, "missing")]
    head_path(five.path).unlink()
    assert found(five) == []
    assert found(five, noted) == [(0, "head")]
    assert "rewritten or cut short" in verify(five, noted).faults[0].message


def test_faults_are_bounded_and_the_head_is_still_found(log, answer):
    log.connection.execute("PRAGMA synchronous = OFF")
    for _ in range(120):
        log.append(answer())
    log.connection.execute("UPDATE entries SET entry = entry || ' '")
    chain = verify(log)
    assert (len(chain.faults), chain.head) == (100, 120)


def test_kept_image_that_is_gone_or_another(path, answer):
    with CaseLog.open(path, keep_images=True) as log:
        log.append(answer(), b"first")
        log.append(answer(), b"second")
        one, two = sorted(log.images.iterdir(), key=lambda file: file.read_bytes())
        assert found(log) == []
        one.write_bytes(b"another")
        two.unlink()
        assert found(log) == [(1, "image"), (2, "image")]


def test_others_append_while_it_is_verified(five, path, answer):
    with CaseLog.open(path) as other, five.reading():
        assert five.connection.execute("SELECT count(*) FROM entries").fetchone() == (5,)
        other.append(answer())
        assert five.connection.execute("SELECT seq FROM head").fetchone() == (5,)
    assert found(five) == []


def test_hash_is_what_the_documentation_says(five):
    """Anybody can check the chain without edge-run."""
    import hashlib

    previous = "0" * 64
    rows = sqlite3.connect(five.path).execute("SELECT entry, hash FROM entries ORDER BY seq")
    for entry, stored in rows.fetchall():
        previous = hashlib.sha256(f"{previous}\n{entry}".encode()).hexdigest()
        assert previous == stored
    rows.connection.close()
