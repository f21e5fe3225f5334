"""Fresh processes: a trial of a variant, and the whole command as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from edge_run.errors import BackendError

from .job import Job, Outcome
from .plan import CERTIFIED

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 1800.0
"""A provider that compiles its engine when a network is first opened takes minutes."""
# Isolated, so that no file beside the scans is imported; then where this process finds its packages.
_START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from {} import {call}; {call}()"


def run_trial(job: Job) -> Outcome:
    """Run one trial; a process that dies is an outcome too."""
    done = _run("edge_run.bench.trial", "main", [], msgspec.json.encode(job))
    try:
        return msgspec.json.decode(done.stdout, type=Outcome)
    except msgspec.DecodeError:
        return Outcome(None, _ended(done))


def cold_start(job: Job, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the milliseconds of ``edge-run predict SCAN``, from start to end, its files in the system's cache.

    Raises
    ------
    BackendError
        The command failed.
    """
    variant = job.variant
    words = ["predict", job.scans[0], "--no-case-log", "--json", "--bundle", job.bundle, "--threads", str(job.threads)]
    words += ["--precision", variant.precision, "--backend", variant.backend]
    words += ["--early-exit"] if variant.exit == CERTIFIED else []
    begin = clock()
    done = _run("edge_run.cli", "console", words, b"")
    taken = clock() - begin
    if done.returncode:
        raise BackendError(f"edge-run predict: {_ended(done)}")
    return taken * 1e3


def _run(module: str, call: str, words: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    path = json.dumps([entry for entry in sys.path if entry])
    command = [sys.executable, "-I", "-c", _START.format(module, call=call), path, *words]
    # As `edge-run predict` sets it: nothing here uses the linear algebra whose threads would be started.
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    try:
        return subprocess.run(  # noqa: S603 - this interpreter, and code of this package
            command, input=stdin, capture_output=True, env=environment, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        text = f"it had not ended after {LIMIT_S:.0f} s".encode()
        return subprocess.CompletedProcess(late.cmd, 1, b"", text)


def _ended(done: subprocess.CompletedProcess[bytes]) -> str:
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return f"the process ended with {how}" + (f": {lines[-1][:400]}" if lines else "")
