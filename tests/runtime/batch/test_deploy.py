"""The examples run: GNU parallel as it is, Slurm's array by a stand-in for sbatch, Kubernetes' command by its shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives import CONSOLE, merged

if TYPE_CHECKING:
    from archives import Archive

EXAMPLES = Path(__file__).parents[3] / "deploy" / "batch"
# What Slurm does: a number for each job, and one run for each task of an array; dependencies hold as jobs run in turn.
SBATCH = """#!/usr/bin/env bash
set -e
while [[ $1 == --* ]]; do case $1 in --array=*) array=${1#--array=1-}; array=${array%\\%*};; esac; shift; done
export SLURM_JOB_ID=7 SLURM_CPUS_PER_TASK=1
if [ -n "$array" ]; then
  export SLURM_ARRAY_TASK_COUNT=$array
  for SLURM_ARRAY_TASK_ID in $(seq $array); do export SLURM_ARRAY_TASK_ID; "$@" >&2; done
else "$@" >&2; fi
echo 7
"""


@pytest.fixture
def environment(tmp_path: Path, archive: Archive) -> dict[str, str]:
    """An environment in which ``edge-run`` answers with the toy bundle."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "run.py").write_text(
        "import sys\n"
        f"if sys.argv[2] == 'run' and '--bundle' not in sys.argv: sys.argv += ['--bundle', {str(archive.bundle)!r}]\n"
        f"{CONSOLE}\n"
    )
    (place / "edge-run").write_text(f'#!/bin/sh\nexec {sys.executable} {place / "run.py"} "$@"\n')
    (place / "sbatch").write_text(SBATCH)
    for name in ("edge-run", "sbatch"):
        (place / name).chmod(0o755)
    return {**os.environ, "PATH": f"{place}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}


def run(environment: dict[str, str], *command: object) -> str:
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_whole(archive: Archive, out: Path) -> None:
    found = merged(out)
    assert (found["missing"], found["double"], found["faults"]) == (0, 0, [])
    assert (out / "answers.jsonl").read_bytes() == archive.table


def test_gnu_parallel(archive: Archive, environment: dict[str, str], tmp_path: Path) -> None:
    parallel = shutil.which("parallel")
    if parallel is None or "GNU" not in run(environment, parallel, "--version"):
        pytest.skip("GNU parallel is not installed")
    out = tmp_path / "two words"
    text = run(environment, EXAMPLES / "parallel.sh", 3, out, archive.folder, "--", "--bundle", archive.bundle)
    assert "chains     intact" in text
    assert len(list((out / "parts").glob("*.jsonl"))) == 3
    is_whole(archive, out)


def test_slurm_array(archive: Archive, environment: dict[str, str], tmp_path: Path) -> None:
    run(environment, EXAMPLES / "slurm.sh", 3, tmp_path / "out", archive.folder)
    assert len(list((tmp_path / "out" / "parts").glob("*.jsonl"))) == 3
    is_whole(archive, tmp_path / "out")


def test_kubernetes_indexed_job(archive: Archive, environment: dict[str, str], tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text())
    spec = job["spec"]
    assert (job["kind"], spec["completionMode"]) == ("Job", "Indexed")
    (container,) = spec["template"]["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert int(variables["SHARDS"]) == spec["completions"] == 16
    out = tmp_path / "out"
    run(environment, "edge-run", "batch", "list", archive.folder, "--out", out)
    command = [word.replace("/out", str(out)) for word in (*container["command"], *container["args"])]
    for index in range(2):
        run({**environment, "SHARDS": "2", "JOB_COMPLETION_INDEX": str(index)}, *command)
    is_whole(archive, out)


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_say_how_they_are_used(script: Path) -> None:
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(rf"^  deploy/batch/{script.name} SHARDS OUT PATH", done.stderr, flags=re.MULTILINE)
