"""The README's commands run, its links resolve, and CI runs what it promises."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"(<!-- \w+ command -->\n)?```(\w+)\n(.*?)```", README, flags=re.DOTALL)
INSTALLS = [text for mark, language, text in BLOCKS if mark]
COMMANDS = [line for mark, language, text in BLOCKS if language == "bash" and not mark for line in text.splitlines()]
DOCUMENTS = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if p.is_file())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "samples", folder / "samples")
    return folder


def run(command, folder):
    """Run a line in a copy of the checkout's folder, with this interpreter's edge-run and python first on the path."""
    entry = folder / "bin"
    entry.mkdir(exist_ok=True)
    (entry / "edge-run").write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from edge_run.cli import main; main()' \"$@\"\n"
    )
    (entry / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for file in entry.iterdir():
        file.chmod(0o755)
    path = f"{entry}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(command, folder):
    result = run(command, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout


@pytest.mark.parametrize("text", [text for _, language, text in BLOCKS if language == "python"])
def test_python_runs(text, folder):
    result = subprocess.run([sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[0] in ("covid", "non_covid")


def test_quick_start_is_two_commands_and_ci_runs_the_second():
    assert len(INSTALLS) == 2
    predict, test = INSTALLS
    assert predict.rstrip().endswith("edge-run predict samples/ct.png")
    assert "pytest" in test
    assert "<!-- test command -->" in (ROOT / ".ci" / "run").read_text()
    assert "<!-- test command -->" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_relative_links_resolve(document):
    targets = re.findall(r"(?:\]\(|src=\")([^)\s\"#]+)", document.read_text())
    local = [t for t in targets if not re.match(r"[a-z]+:", t)]
    missing = [t for t in local if not (document.parent / t).exists()]
    assert not missing
