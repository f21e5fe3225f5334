"""The README's commands run, its links resolve, and CI runs what it promises."""

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
COMMANDS = [text for mark, language, text in BLOCKS if language == "bash" and not mark]
DOCUMENTS = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if p.is_file())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the checkout's folder, with an environment that has this interpreter's edge-run and python."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "samples", folder / "samples")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(f'PATH="{programs}:$PATH"\n')
    entry = f"exec {sys.executable} -c 'from edge_run.cli import main; main()' \"$@\""
    for name, line in (("edge-run", entry), ("python", f'exec {sys.executable} "$@"')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    return folder


def test_commands_run_in_one_shell(folder):
    script = "\n".join(["set -euo pipefail", *COMMANDS])
    result = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("covid") > 2
    assert len(list((folder / "maps").iterdir())) == 2


def test_readme_is_short():
    assert len(README.splitlines()) <= 150


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
