"""A damaged byte anywhere is found and named, and everything around it is still read."""

import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

from edge_run.cases import CaseLog, CaseLogError, backup, opening, reading
from edge_run.cases.chain import verify, verify_file
from edge_run.cases.head import head_path, read_head
from edge_run.cases.notes import note

COUNT = 12


@pytest.fixture
def stored(path, answer):
    """A closed log of some cases with a note, as one file."""
    with CaseLog.open(path) as log:
        made = [log.append(answer(0.5 + n / 50)) for n in range(COUNT)]
        note(log, made[3], label="covid", remark="checked")
    return path


def changed(path, at, to):
    data = bytearray(path.read_bytes())
    data[at] = to
    path.write_bytes(data)


def test_any_changed_byte_of_an_entry_is_named(stored):
    chance = random.Random(5)
    whole = stored.read_bytes()
    places = {}
    for seq, text in sqlite3.connect(stored).execute("SELECT seq, entry FROM entries"):
        places[seq] = whole.index(text.encode())
        length = len(text)
    for _ in range(150):
        seq = chance.choice(list(places))
        at = places[seq] + chance.randrange(length // 2)
        changed(stored, at, whole[at] ^ (1 << chance.randrange(8)))
        found = verify_file(stored)
        assert seq in [fault.seq for fault in found.faults], (at, found.faults)
        damaged = []
        with CaseLog.existing(stored) as log:
            read = [case["seq"] for case in reading.cases(log, damaged=damaged)]
        assert set(range(1, COUNT + 1)) - set(read) <= {seq}
        assert set(damaged) <= {seq}
        stored.write_bytes(whole)
    assert verify_file(stored).faults == []


def test_any_changed_byte_of_the_file_is_a_fault_or_harmless(stored):
    chance = random.Random(6)
    whole = stored.read_bytes()
    for _ in range(150):
        at = chance.randrange(len(whole))
        changed(stored, at, whole[at] ^ (1 << chance.randrange(8)))
        try:
            verify_file(stored)
        except CaseLogError as error:
            assert at < 100, error  # noqa: PT017 - the header says whose file it is and in which version
        stored.write_bytes(whole)


def test_header_that_is_damaged_is_a_fault(stored):
    changed(stored, 3, 0xFF)
    (fault,) = verify_file(stored).faults
    assert (fault.seq, fault.kind) == (0, "database")


def test_damaged_case_is_named_when_it_is_asked_for(stored):
    with CaseLog.existing(stored) as log:
        wanted = list(reading.cases(log))[3]["id"]
    data = stored.read_bytes()
    at = data.index(b'"kind":"case"', data.index(wanted.encode()) - 2000)
    with sqlite3.connect(stored) as connection:
        text = connection.execute("SELECT entry FROM entries WHERE seq = 4").fetchone()[0].encode()
    changed(stored, data.index(text), 0x80)
    assert at
    with CaseLog.existing(stored) as log, pytest.raises(CaseLogError, match="entry 4 of the case log"):
        reading.find(log, wanted)


@pytest.fixture
def busy(path, answer):
    """A writer that has its log open, and the log's path."""
    with CaseLog.open(path) as log:
        yield log, [log.append(answer()) for _ in range(40)]


def test_copy_of_the_database_file_alone_has_all_after_a_checkpoint(busy, path, tmp_path):
    log, made = busy
    log.checkpoint()
    shutil.copyfile(path, tmp_path / "copy.sqlite")
    with CaseLog.existing(tmp_path / "copy.sqlite") as copy:
        assert [case["id"] for case in reading.cases(copy)] == made
        assert not verify(copy).kept_head


def test_lost_write_ahead_log_is_detected(busy, path, tmp_path):
    shutil.copyfile(path, tmp_path / "copy.sqlite")
    shutil.copyfile(head_path(path), tmp_path / "copy.sqlite.head")
    (fault,) = verify_file(tmp_path / "copy.sqlite").faults
    assert fault.kind == "missing"
    assert "the write-ahead log was lost" in fault.message
    assert len(busy[1]) - 6 <= fault.seq < len(busy[1])


def test_lost_tail_stays_detected_after_more_was_logged(busy, path, tmp_path, answer):
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(path, copy)
    shutil.copyfile(head_path(path), head_path(copy))
    with CaseLog.open(copy) as log:
        for _ in range(20):
            log.append(answer())
        assert [fault.kind for fault in verify(log).faults] == ["head"]
    assert read_head(copy).seq == len(busy[1])


def test_damaged_head_file_is_written_anew(busy, path, answer):
    log, made = busy
    head_path(path).write_bytes(bytes(80))
    assert not verify(log).kept_head
    log.append(answer())
    assert read_head(path).seq == len(made) + 1
    assert verify(log).faults == []


def test_backup_is_whole_while_others_write(busy, tmp_path):
    log, made = busy
    target = tmp_path / "backups" / "copy.sqlite"
    assert backup(log, target) == len(made)
    assert sorted(file.name for file in target.parent.iterdir()) == ["copy.sqlite", "copy.sqlite.head"]
    assert target.stat().st_mode & 0o777 == 0o600
    found = verify_file(target)
    assert (found.faults, found.head, found.kept_head) == ([], len(made), True)
    with pytest.raises(Exception, match="exists already"):
        backup(log, target)


def test_backup_has_the_images(path, answer, tmp_path):
    with CaseLog.open(path, keep_images=True) as log:
        log.append(answer(), b"scan")
        backup(log, tmp_path / "copy.sqlite")
    assert verify_file(tmp_path / "copy.sqlite").faults == []
    assert [file.read_bytes() for file in (tmp_path / "copy.images").iterdir()] == [b"scan"]


def test_backup_can_be_written_on(busy, tmp_path, answer):
    target = tmp_path / "copy.sqlite"
    backup(busy[0], target)
    with CaseLog.open(target) as copy:
        copy.append(answer())
        assert verify(copy).faults == []


@pytest.mark.parametrize("closed", [True, False])
def test_log_on_a_disk_that_cannot_be_written_is_read(path, answer, monkeypatch, closed):
    log = CaseLog.open(path)
    made = [log.append(answer()) for _ in range(5)]
    if closed:
        log.close()
    connected = opening._connected

    def read_only(file, mode):
        if file == path and "immutable" not in mode:
            raise sqlite3.OperationalError("unable to open database file")
        return connected(file, mode)

    monkeypatch.setattr(opening, "_connected", read_only)
    found = verify_file(path)
    assert (found.faults, found.counts) == ([], {"case": len(made)})
    if not closed:
        log.close()


def test_trigger_that_deletes_new_cases_stops_the_log(stored, answer):
    with sqlite3.connect(stored) as connection:
        connection.execute(
            "CREATE TRIGGER sqliteXt AFTER INSERT ON entries BEGIN DELETE FROM entries WHERE seq = NEW.seq; END"
        )
    with pytest.raises(CaseLogError, match="were changed: sqliteXt"):
        CaseLog.open(stored)
    assert [fault.kind for fault in verify_file(stored).faults] == ["tables"]
    assert answer


@pytest.mark.parametrize("harm", ["DELETE FROM head", "UPDATE head SET hash = 7", "INSERT INTO head VALUES (1, 'x')"])
def test_head_that_is_missing_or_damaged_is_an_error_of_the_log(stored, answer, harm):
    with sqlite3.connect(stored) as connection:
        connection.execute(harm)
    with CaseLog.open(stored) as log, pytest.raises(CaseLogError, match="has no head"):
        log.append(answer())


@pytest.mark.parametrize("name", ["zzzzzzzzzzzz", "iiiiiiiiiiii", "", "é", "z" * 40])
def test_id_that_edge_run_never_made_stops_nothing(stored, answer, name):
    with sqlite3.connect(stored) as connection:
        entry = f'{{"id":"{name}","kind":"case","seq":99}}'
        connection.execute("INSERT INTO entries (seq, entry, hash) VALUES (99, ?, ?)", (entry, "0" * 64))
    with CaseLog.open(stored) as log:
        made = log.append(answer())
        assert reading.find(log, made)["id"] == made


def test_waits_for_a_stopped_process_once(path, answer, monkeypatch):
    waited = []
    with CaseLog.open(path) as log, CaseLog.open(path) as other:
        monkeypatch.setattr(opening, "BUSY_S", 0.05)
        log.connection.set_trace_callback(lambda text: "busy_timeout" in text and waited.append(text.split()[-1]))
        with other.writing():
            for _ in range(3):
                with pytest.raises(CaseLogError, match="another process holds it"):
                    log.append(answer())
        log.append(answer())
        log.append(answer())
    assert waited == ["50", "0", "0", "0", "50"]


def test_import_of_the_log_alone_is_light():
    script = "import sys, edge_run.cases; sys.exit(', '.join({'numpy', 'cv2', 'tempfile'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_damaged_text_of_a_table_is_a_fault_and_no_crash(stored):
    whole = stored.read_bytes()
    at = whole.index(b"CREATE TABLE entries") + 15
    for byte in (0x96, 0xFF):
        changed(stored, at, byte)
        assert verify_file(stored).faults
        with pytest.raises(CaseLogError):
            CaseLog.existing(stored)
