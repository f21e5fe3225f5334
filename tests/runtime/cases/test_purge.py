"""Old cases are gone from the disk, and what is left is still a chain."""

import pytest

from edge_run.cases import CaseLog, purge, reading
from edge_run.cases.chain import verify
from edge_run.cases.location import explanations_folder
from edge_run.cases.notes import note
from edge_run.errors import GateError

DAY = 86_400_000
BEFORE = "2026-01-{:02d}T00:00:00.000Z".format


@pytest.fixture
def days(path, answer, monkeypatch):
    """Cases of six days, the image of each kept; the fifth day's image is the first's."""
    with CaseLog.open(path, keep_images=True) as log:
        for day in range(6):
            monkeypatch.setattr("edge_run.cases.log.now_ms", lambda day=day: 1_767_268_800_000 + day * DAY)
            log.append(answer(0.5 + day / 20), b"image %d" % (day % 4))
        yield log


def scores(log):
    return [round(case["probability"], 2) for case in reading.cases(log)]


def test_chain_stays_whole(days, answer):
    assert purge.purge(days, BEFORE(3)) == (2, 0, 0, True)
    chain = verify(days)
    assert (chain.faults, chain.purged, chain.counts) == ([], 2, {"case": 4, "purge": 1})
    assert scores(days) == [0.6, 0.65, 0.7, 0.75]
    days.append(answer())
    assert purge.purge(days, BEFORE(5)) == (2, 0, 2, True)
    assert (verify(days).faults, verify(days).purged) == ([], 4)
    assert purge.purge(days, BEFORE(5)) == (0, 0, 0, True)


def test_everything(days):
    assert purge.count(days, BEFORE(9)) == (6, 0, 0, True)
    assert purge.purge(days, BEFORE(9)) == (6, 0, 4, True)
    assert scores(days) == []
    assert verify(days).faults == []
    assert list(days.images.iterdir()) == []


def test_notes_go_with_their_cases(days):
    first, *_, last = [case["id"] for case in reading.cases(days)]
    note(days, first, label="covid", remark="Jane again")
    note(days, last, label="covid", remark="stays")
    assert purge.count(days, BEFORE(2)) == (1, 1, 0, True)
    assert purge.purge(days, BEFORE(2))[:2] == (1, 1)
    chain = verify(days)
    assert (chain.faults, chain.purged, chain.counts) == ([], 2, {"case": 5, "note": 1, "purge": 1})
    assert reading.find(days, last)["notes"][0]["remark"] == "stays"


def test_case_of_a_clock_that_was_wrong(days, answer, monkeypatch):
    monkeypatch.setattr("edge_run.cases.log.now_ms", lambda: 0)
    days.append(answer(0.99))
    monkeypatch.setattr("edge_run.cases.log.now_ms", lambda: 1_767_268_800_000 + 9 * DAY)
    days.append(answer(0.98))
    assert purge.purge(days, BEFORE(2))[0] == 2
    assert 0.99 not in scores(days)
    assert (verify(days).faults, verify(days).purged) == ([], 2)


def test_nothing_of_a_purged_case_is_left_on_the_disk(log, path, answer, monkeypatch):
    log.connection.execute("PRAGMA synchronous = OFF")
    monkeypatch.setattr("edge_run.cases.log.now_ms", lambda: 1_767_268_800_000)
    doomed = [log.append(answer()) for _ in range(40)]
    monkeypatch.setattr("edge_run.cases.log.now_ms", lambda: 1_767_268_800_000 + 9 * DAY)
    kept = log.append(answer())
    purge.purge(log, BEFORE(6))
    files = b"".join(file.read_bytes() for file in path.parent.glob("cases.sqlite*"))
    assert [case_id for case_id in doomed if case_id.encode() in files] == []
    assert kept.encode() in files


def test_unfinished_images_are_swept_and_other_files_are_not(days):
    unfinished = days.images / f"{'a' * 64}.4711"
    unfinished.write_bytes(b"half")
    (days.images / "README").write_text("mine")
    purge.purge(days, BEFORE(2))
    assert not unfinished.exists()
    assert (days.images / "README").exists()


def test_reports_of_purged_cases_go_with_them(days):
    folder = explanations_folder(days.path)
    ids = [case["id"] for case in reading.cases(days)]
    for case in ids:
        (folder / case).mkdir(parents=True)
        (folder / case / "report.html").write_text("a scan")
    purge.purge(days, BEFORE(4))
    assert sorted(path.name for path in folder.iterdir()) == ids[3:]


def test_more_rows_missing_than_were_purged(days):
    purge.purge(days, BEFORE(3))
    days.connection.execute("DELETE FROM entries WHERE seq = 3")
    assert [(fault.seq, fault.kind) for fault in verify(days).faults] == [(4, "missing")]


def test_forged_purge_record(days):
    purge.purge(days, BEFORE(3))
    days.connection.execute("DELETE FROM entries WHERE seq = 3")
    days.connection.execute("UPDATE entries SET entry = replace(entry, '[1,2,', '[1,3,') WHERE kind = 'purge'")
    assert [fault.kind for fault in verify(days).faults] == ["altered", "altered"]


def test_broken_chain_is_not_purged(days):
    days.connection.execute("DELETE FROM entries WHERE seq = 4")
    with pytest.raises(GateError, match="a purge would hide where"):
        purge.purge(days, BEFORE(3))
    assert len(scores(days)) == 5


def test_image_that_cannot_be_deleted_keeps_its_case(days, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("edge_run.cases.images.sweep", refuse)
    with pytest.raises(Exception, match="Permission denied"):
        purge.purge(days, BEFORE(3))
    assert len(scores(days)) == 6
    assert verify(days).faults == []


def test_noted_head_that_was_purged_is_found_where_the_chain_goes_on(days):
    hashes = [case["hash"] for case in reading.cases(days)]
    purge.purge(days, BEFORE(4))
    assert verify(days, hashes[2]).faults == []
    assert verify(days, hashes[5]).faults == []
    (fault,) = verify(days, hashes[1]).faults
    assert "purged since" in fault.message


def test_reader_that_keeps_the_deleted_pages_is_reported(days, path):
    first = next(iter(reading.cases(days)))["id"]
    note(days, first, label=None, remark="Jane's remark")
    days.connection.execute("PRAGMA busy_timeout = 10")
    with CaseLog.existing(path) as other, other.reading():
        assert len(list(reading.cases(other))) == 6
        purged = purge.purge(days, BEFORE(9))
        assert (purged.cases, purged.overwritten) == (6, False)
        assert not purge.overwrite(days)
    assert purge.overwrite(days)
    for file in path.parent.glob("cases.sqlite*"):
        if file.is_file():
            assert b"Jane's remark" not in file.read_bytes()
