"""Logs that somebody made to stop edge-run: nothing waits for them, and nothing reads them for ever."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge_run.cases import CaseLog, CaseLogError
from edge_run.cases.chain import verify_file
from edge_run.cases.head import head_path
from edge_run.cases.schema import APPLICATION, TABLES, VERSION

WRITER = Path(__file__).with_name("writer.py")


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal", ".head"])
def test_pipe_in_the_place_of_a_file_is_not_waited_for(path, end):
    path.parent.mkdir()
    if end not in ("", ".head"):
        CaseLog.open(path).close()
    os.mkfifo(path.with_name(path.name + end))
    done = subprocess.run(
        [sys.executable, str(WRITER), str(path), "1"], capture_output=True, text=True, timeout=60, check=False
    )
    # A head file that cannot be kept is no reason against the case itself.
    assert ("is a pipe" in done.stdout + done.stderr) == (end != ".head")
    assert (done.returncode == 0) == (end == ".head")


@pytest.mark.parametrize("name", ["entries", "head"])
def test_view_in_the_place_of_a_table_is_not_read(path, name):
    path.parent.mkdir()
    made = sqlite3.connect(path)
    for other, statement in TABLES.items():
        if other != name and name not in statement:
            made.execute(statement)
    columns = "seq, hash" if name == "head" else "seq, entry, hash, kind, id, utc, label, flagged"
    # It could go on for ever; this one ends, so that a test of a reader that reads it ends, too.
    made.execute(f"CREATE VIEW {name} AS SELECT {', '.join(f'1 AS {c}' for c in columns.split(', '))}")
    made.execute(f"PRAGMA application_id = {APPLICATION}")
    made.execute(f"PRAGMA user_version = {VERSION}")
    made.commit()
    made.close()
    for write in (False, True):
        with pytest.raises(CaseLogError, match=f"tables of the case log .* were changed: .*{name}"):
            CaseLog.existing(path, write=write)
    assert [(fault.seq, fault.kind) for fault in verify_file(path).faults] == [(0, "tables")]


def test_link_in_the_place_of_the_head_is_not_followed(path, answer, tmp_path):
    (tmp_path / "other").write_bytes(b"mine")
    path.parent.mkdir()
    head_path(path).symlink_to(tmp_path / "other")
    with CaseLog.open(path) as log:
        assert log.append(answer())
    assert (tmp_path / "other").read_bytes() == b"mine"
