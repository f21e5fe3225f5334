"""The command as a process of its own: what it answers arrives whole, and its exit code too."""

import subprocess
import sys

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
