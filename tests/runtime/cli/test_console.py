"""The command as a process of its own: what it answers arrives whole, and its exit code too."""

import ast
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from toy import png, scan, write_toy_bundle


@pytest.mark.parametrize(("names", "code"), [(["a.png"], 0), (["a.png", "missing.png"], 3)])
def test_answers_and_exit_code_survive_leaving_at_once(tmp_path, names, code):
    write_toy_bundle(tmp_path / "toy")
    (tmp_path / "a.png").write_bytes(png(scan()))
    program = "from edge_run.cli import console; console()"
    arguments = ["predict", *names, "--bundle", "toy", "--jsonl"]
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stderr
    assert len(result.stdout.splitlines()) == len(names)


def test_what_is_asked_wrongly_of_explain_leaves_with_its_code_too(tmp_path):
    program = "from edge_run.cli import console; console()"
    result = subprocess.run(
        [sys.executable, "-c", program, "explain"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "nothing to explain is given" in result.stderr


SCRIPT = "from edge_run.cli import console; console()"


@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [
        ("<&-", ["a.png", "-"], 3),
        ("0>/dev/null", ["a.png", "-"], 3),
        (">&-", ["a.png"], 0),
        ("2>&-", ["a.png", "missing.png"], 3),
        ("<&- >&- 2>&-", ["a.png"], 0),
    ],
)
def test_closed_streams_stop_nothing_and_nothing_is_written_into_other_files(tmp_path, closed, arguments, code):
    write_toy_bundle(tmp_path / "toy")
    (tmp_path / "a.png").write_bytes(png(scan()))
    log = tmp_path / "log.sqlite"
    line = [sys.executable, "-c", SCRIPT, "predict", *arguments, "--bundle", "toy", "--jsonl", "--case-log", str(log)]
    shell = f'"$@" {closed}'
    result = subprocess.run(
        ["sh", "-c", shell, "sh", *line], cwd=tmp_path, capture_output=True, text=True, check=False, input=""
    )
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    with contextlib.closing(sqlite3.connect(log)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM entries").fetchone() == (1,)


def test_only_purge_asks():
    root = Path(__file__).parents[3]
    asking = {
        path.stem
        for package in ("runtime/edge_run", "train/edge_train", "export/edge_export", "explain/edge_explain")
        for path in (root / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and (
            getattr(call.func, "attr", "") in ("confirm", "prompt", "getpass")
            or getattr(call.func, "id", "") in ("input", "confirm", "prompt", "getpass")
        )
    }
    assert asking == {"_case_changes"}
