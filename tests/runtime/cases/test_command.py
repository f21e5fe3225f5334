"""``edge-run cases`` as a user calls it."""

import csv
import io
import json
import stat

import pytest

from edge_run.cases import CaseLog, reading


@pytest.fixture
def three(log, answer):
    """Ids of three cases; the second is flagged."""
    return [log.append(answer(0.9)), log.append(answer(0.6, flags=("low-confidence",))), log.append(answer(0.2))]


def test_list(three, cases_command):
    said = cases_command("list")
    assert said.code == 0
    header, *lines = said.out.splitlines()
    assert header.split()[:2] == ["case", "time"]
    assert [line.split()[0] for line in lines] == three[::-1]
    assert "flags: low-confidence" in lines[1]
    assert cases_command("list", "--flagged").out.splitlines()[1].split()[0] == three[1]
    assert len(cases_command("list", "--limit", 2).out.splitlines()) == 1 + 2


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv"])
def test_list_for_programs(three, cases_command, form):
    out = cases_command("list", form).out
    if form == "--csv":
        found = list(csv.DictReader(io.StringIO(out)))
    else:
        found = json.loads(out) if form == "--json" else [json.loads(line) for line in out.splitlines()]
    name = "case" if form == "--csv" else "id"
    assert [case[name] for case in found] == three[::-1]
    if form == "--csv":
        assert found[0]["p_covid"] == "0.2"
        assert "{" not in out


def test_list_since(three, cases_command):
    assert cases_command("list", "--since", "2999-01-01").err == "there is no such case\n"
    assert len(cases_command("list", "--since", "2020-01-01T00:00:00+02:00").out.splitlines()) == 1 + len(three)
    said = cases_command("list", "--since", "yesterday")
    assert (said.code, "'yesterday' is no date" in said.err) == (2, True)


def test_empty_log_says_so(log, cases_command):  # noqa: ARG001 - only made
    assert cases_command("list").err == "the case log is empty\n"
    assert cases_command("list", "--json").out == "[]\n"
    said = cases_command("verify")
    assert (said.code, "the case log is empty" in said.out) == (0, True)


@pytest.mark.parametrize("command", ["show 1", "find .", "export --csv", "verify", "purge --before 2026-01-01"])
def test_log_that_is_not_there(cases_command, command, path):
    said = cases_command(*command.split())
    assert (said.code, said.out) == (1, "")
    assert f"there is no case log at {path}" in said.err


def test_list_before_the_first_answer_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_RUN_CASE_LOG", str(tmp_path / "none.sqlite"))
    from edge_run.cli import _case_commands

    assert not _case_commands._is_there(None)


def test_find(three, log, answer, cases_command, tmp_path):
    import hashlib

    from msgspec.structs import replace

    scan = tmp_path / "scan.png"
    scan.write_bytes(b"a scan")
    found = log.append(replace(answer(0.7), scan_sha256=hashlib.sha256(b"a scan").hexdigest()))
    said = cases_command("find", scan, "--json")
    assert said.code == 0
    assert [case["id"] for case in json.loads(said.out)] == [found]
    assert found not in three
    other = tmp_path / "other.png"
    other.write_bytes(b"another")
    assert cases_command("find", other).err == "no case in the log is of such a scan\n"


def test_show(three, cases_command):
    said = cases_command("show", three[1][-4:])
    assert said.code == 0
    assert said.out.startswith(f"case {three[1]}   ")
    assert "flag: because of low-confidence (low-confidence)" in said.out
    found = json.loads(cases_command("show", three[1], "--json").out)
    assert found["members"][0]["logits"] == [1.5, -0.25]
    assert cases_command("show", "nothing").code == 2


def test_show_escapes_what_would_move_the_cursor(log, three, cases_command):
    cases_command("note", three[0], "--remark", "red \x1b[31m")
    assert "\x1b" not in cases_command("show", three[0]).out
    assert "\x1b" not in cases_command("list").out
    log.close()


def test_note(three, cases_command):
    said = cases_command("note", three[0][-5:], "--label", "non_covid", "--remark", "PCR negative")
    assert (said.code, said.out, said.err) == (0, "", f"noted about case {three[0]}\n")
    assert "noted: non_covid" in cases_command("list").out
    assert "non_covid  PCR negative" in cases_command("show", three[0]).out
    said = cases_command("note", three[0], "--label", "flu")
    assert said.code == 2
    assert "one of covid, non_covid" in said.err


def test_export_to_a_file_and_to_standard_output(three, cases_command, tmp_path):
    out = tmp_path / "all.csv"
    assert cases_command("export", "--csv", "--out", out).code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with out.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [case["case"] for case in found] == three
    assert [case["p_covid"] for case in found] == ["0.9", "0.6", "0.2"]
    assert cases_command("export", "--csv").out == out.read_text()
    lines = cases_command("export", "--jsonl").out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == three


def test_export_overwrites_nothing_and_leaves_no_half_file(three, log, cases_command, tmp_path, monkeypatch):  # noqa: ARG001
    out = tmp_path / "all.jsonl"
    out.write_text("mine")
    assert "exists already" in cases_command("export", "--jsonl", "--out", out).err
    assert out.read_text() == "mine"
    assert cases_command("export", "--jsonl", "--out", tmp_path / "no" / "folder").code == 2
    assert cases_command("export").code == 2
    assert cases_command("export", "--csv", "--jsonl").code == 2

    def broken(_log):
        yield from reading.newest(log, 1)
        raise RuntimeError

    monkeypatch.setattr(reading, "cases", broken)
    assert cases_command("export", "--jsonl", "--out", tmp_path / "half").code == 1
    assert not (tmp_path / "half").exists()


def test_verify(three, log, cases_command):
    said = cases_command("verify")
    assert said.code == 0
    assert "ok    3 cases" in said.out
    head = json.loads(cases_command("verify", "--json").out)["head_hash"]
    assert head in said.out
    assert cases_command("verify", "--head", head[:16].upper()).code == 0
    assert cases_command("verify", "--head", "f" * 64).code == 6
    assert cases_command("verify", "--head", "f").code == 2
    log.connection.execute("DELETE FROM entries WHERE seq = 2")
    said = cases_command("verify")
    assert said.code == 6
    assert "FAIL  entry 2 is missing" in said.out
    assert json.loads(cases_command("verify", "--json").out)["faults"] == [
        {"seq": 3, "kind": "missing", "message": "entry 2 is missing"}
    ]
    assert len(three) == 3


def test_purge(three, path, cases_command):
    said = cases_command("purge", "--before", "2999-01-01")
    assert (said.code, "give --yes" in said.err) == (2, True)
    assert cases_command("purge", "--before", "2020-01-01", "--yes").err == "no case is from before 2020-01-01\n"
    said = cases_command("purge", "--before", "2999-01-01", "--yes")
    assert (said.code, said.err) == (0, f"deleted {len(three)} cases, 0 notes, 0 images\n")
    assert "1 purge, 3 entries purged" in cases_command("verify").out
    with CaseLog.existing(path) as log:
        assert list(reading.cases(log)) == []


@pytest.mark.parametrize(("typed", "left"), [("n\n", 3), ("y\n", 0)])
def test_purge_asks(three, path, cases_command, monkeypatch, typed, left):
    terminal = io.StringIO(typed)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    said = cases_command("purge", "--before", "2999-01-01")
    assert (said.code == 0) == (left == 0)
    assert f"delete {len(three)} cases and 0 notes" in said.err
    with CaseLog.existing(path) as log:
        assert len(list(reading.cases(log))) == left


def test_backup(three, cases_command, tmp_path):
    said = cases_command("backup", tmp_path / "copy.sqlite")
    assert (said.code, said.out, said.err) == (0, "", f"copied 3 entries to {tmp_path / 'copy.sqlite'}\n")
    with CaseLog.existing(tmp_path / "copy.sqlite") as copy:
        assert [case["id"] for case in reading.cases(copy)] == three
    assert cases_command("backup", tmp_path / "copy.sqlite").code == 2


def test_find_by_accession_number(log, answer, cases_command):
    made = log.append(answer(), accession="A-17")
    log.append(answer(), accession="A-18")
    assert [case["id"] for case in json.loads(cases_command("find", "--id", "A-17", "--json").out)] == [made]
    assert "no case in the log" in cases_command("find", "--id", "A-19").err
    assert cases_command("find").code == 2
    assert cases_command("find", "a.png", "--id", "A-17").code == 2


@pytest.mark.parametrize("command", ["list", "export --jsonl", "drift"])
def test_damaged_entry_is_left_out_with_a_warning(three, log, cases_command, command):
    log.connection.execute("UPDATE entries SET entry = replace(entry, '\"utc\"', '\"utx\"') WHERE seq = 2")
    said = cases_command(*command.split())
    assert said.code == 0
    assert "1 damaged entries of the case log are left out: 2" in said.err
    assert three[1] not in said.out
    said = cases_command("verify")
    assert (said.code, "entry 2 does not fit its hash" in said.out) == (6, True)


def test_verify_of_a_damaged_file_is_a_failed_check(three, log, path, cases_command):
    log.close()
    data = bytearray(path.read_bytes())
    data[3] ^= 0xFF
    path.write_bytes(data)
    assert (cases_command("verify").code, len(three)) == (6, 3)


def test_verify_says_that_no_head_is_kept(three, path, cases_command):
    assert "note" not in cases_command("verify").out
    path.with_name("cases.sqlite.head").unlink()
    assert "no head file" in cases_command("verify").out
    assert three


def test_purge_says_that_a_reader_keeps_the_pages(three, path, cases_command, monkeypatch):
    monkeypatch.setattr("edge_run.cases.opening.BUSY_S", 0.01)
    with CaseLog.existing(path) as other, other.reading():
        assert len(list(reading.cases(other))) == len(three)
        assert "another process reads the log" in cases_command("purge", "--before", "2999-01-01", "--yes").err
    assert "another process" not in cases_command("purge", "--before", "2999-01-01", "--yes").err


def test_remark_is_no_formula_and_moves_no_cursor_in_a_table(three, cases_command):
    cases_command("note", three[0], "--remark", "=HYPERLINK(1) \x1b[31m \u202e")
    out = cases_command("export", "--csv").out
    (remark,) = (row["remark"] for row in csv.DictReader(io.StringIO(out)) if row["case"] == three[0])
    assert remark == "'=HYPERLINK(1) \\x1b[31m \\u202e"
    out = cases_command("export", "--jsonl").out
    assert out.replace("\n", "").isprintable()
    assert json.loads(out.splitlines()[0])["notes"][0]["remark"] == "=HYPERLINK(1) \x1b[31m \u202e"
