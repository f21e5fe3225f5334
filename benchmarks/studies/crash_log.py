"""Kill a predicting process fifty times, and look whether the case log lost anything that was acknowledged.

    python -m benchmarks.studies.crash_log [BUNDLE] [KILLS]

Each process answers one scan of noise again and again, logs each answer and says its id once it is logged. SIGKILL
comes at a random moment within the time of a few answers, so it hits inference, the write, its sync and the clean-up.
Every id that was said must be in the log afterwards, and `edge-run cases verify` must find the chain whole.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.latency.cold import COMMAND

SEED = 0
MOST_WAIT_S = 0.8


def answer(bundle: str, path: str) -> None:
    """Predict and log, until killed."""
    from edge_run import Ensemble
    from edge_run.cases import CaseLog

    scan = np.random.default_rng(SEED).integers(0, 256, (256, 256), dtype=np.uint8)
    with Ensemble.load(bundle) as ensemble, CaseLog.open(Path(path)) as log:
        while True:
            print(log.append(ensemble.predict(scan)), flush=True)


def main(bundle: str, kills: int) -> int:
    """Kill, count, verify; the exit code is that of the verification, or 1 where an answer was lost."""
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.sqlite"
        said: list[str] = []
        for done in range(kills):
            print(f"\r{done} of {kills}", end="", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", __spec__.name, "answer", bundle, str(path)]
            said += _run_and_kill(command, chance.uniform(0, MOST_WAIT_S))
        lost = set(said) - _logged(path)
        print(f"{kills} processes killed, {len(said)} answers acknowledged, {len(lost)} of them lost", flush=True)
        command = [*COMMAND, "cases", "verify", "--case-log", str(path)]
        return subprocess.run(command, check=False).returncode or bool(lost)


def _run_and_kill(command: list[str], wait_s: float) -> list[str]:
    """Ids that the process said before it was killed; a line that is cut off was not said."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout.readlines()]
    if process.returncode != -signal.SIGKILL:
        raise SystemExit(f"the process ended by itself, with {process.returncode}")
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


def _logged(path: Path) -> set[str]:
    from edge_run.cases import CaseLog, reading

    with CaseLog.existing(path) as log:
        return {case["id"] for case in reading.cases(log)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["answer"]:
        answer(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "ct-covid", int(sys.argv[2]) if len(sys.argv) > 2 else 50))
