"""SIGKILL at random moments: no acknowledged case is lost, no scan is left out, and the log verifies."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.attack.material import small_bundle
from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import drawing, encoded
from edge_run.cases import CaseLog, reading
from edge_run.cases.chain import verify_file

COMMAND = [sys.executable, "-W", "ignore", "-m", "edge_run"]
SCANS = 12
MOST_WAIT_S = 60.0


def attack(seed: int, rounds: int, seconds: float) -> list[Outcome]:
    """Kill ``predict`` and ``watch`` so often each."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = small_bundle(Path(folder) / "bundle")
        scans = Path(folder) / "scans"
        scans.mkdir()
        for number in range(SCANS):
            (scans / f"{number:02}.png").write_bytes(encoded(".png", drawing(64, number)))
        return [
            _predicting(seed, rounds, seconds / 2, Path(folder), bundle, scans),
            _watching(seed, rounds, seconds / 2, Path(folder), bundle, scans),
        ]


def _killed(command: list[str], wait_s: float, answers: int) -> list[dict[str, object]]:
    """Run a command until it has so many answers and a while longer, and return what it said."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        patience = threading.Timer(MOST_WAIT_S, process.kill)
        patience.start()
        lines = [process.stdout.readline() for _ in range(answers)]
        patience.cancel()
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _predicting(seed: int, rounds: int, seconds: float, folder: Path, bundle: Path, scans: Path) -> Outcome:
    outcome, clock, chance = Outcome("kill -9: predict"), Clock(seconds), random.Random(seed)
    log, said = folder / "predict.sqlite", set[str]()
    command = [
        *COMMAND,
        "predict",
        str(scans),
        "--bundle",
        str(bundle),
        "--jsonl",
        "--case-log",
        str(log),
        "--keep-images",
    ]
    for _ in range(rounds):
        if clock.over:
            break
        records = _killed(command, chance.uniform(0, 0.3), chance.randrange(1, SCANS // 2))
        said |= {str(record["case"]) for record in records if record.get("case")}
        outcome.count("killed")
    _check_log(outcome, log, said)
    outcome.seconds = clock.spent
    return outcome


def _watching(seed: int, rounds: int, seconds: float, folder: Path, bundle: Path, scans: Path) -> Outcome:
    outcome, clock, chance = Outcome("kill -9: watch"), Clock(seconds), random.Random(seed)
    inbox, log, said = folder / "inbox", folder / "watch.sqlite", list[dict[str, object]]()
    inbox.mkdir()
    command = [*COMMAND, "watch", str(inbox), "--bundle", str(bundle), "--jsonl", "--case-log", str(log)]
    command += ["--state", str(folder / "state"), "--every", "0.1"]
    arrived = sorted(scans.iterdir())
    for number, scan in enumerate(arrived[: max(rounds, 1)]):
        shutil.copyfile(scan, inbox / ".part")
        (inbox / ".part").rename(inbox / scan.name)
        # Killed before the first answer, or just after it.
        said += _killed(command, chance.uniform(0, 1.0 if number % 2 else 0.2), number % 2)
        outcome.count("killed")
        if clock.over:
            break
    wanted = {path.name for path in inbox.iterdir()}
    if missing := wanted - {Path(str(one["path"])).name for one in said}:
        said += _killed(command, 0.0, len(missing))
    answered = [Path(str(one["path"])).name for one in said]
    outcome.check(set(answered) == wanted, f"left out: {sorted(wanted - set(answered))}", "all answered")
    outcome.figures["answered twice"] = str(len(answered) - len(set(answered)))
    labels = {(Path(str(one["path"])).name, str(one["probabilities"])) for one in said}
    outcome.check(len(labels) == len(set(answered)), "one scan has two answers", "answers agree")
    _check_log(outcome, log, {str(one["case"]) for one in said})
    outcome.seconds = clock.spent
    return outcome


def _check_log(outcome: Outcome, log: Path, said: set[str]) -> None:
    """Compare the cases that were acknowledged with those of the log."""
    if not log.exists():
        return
    with CaseLog.existing(log) as opened:
        kept = {case["id"] for case in reading.cases(opened)}
    outcome.figures["acknowledged"], outcome.figures["in the log"] = str(len(said)), str(len(kept))
    outcome.check(said <= kept, f"{len(said - kept)} acknowledged cases are lost", "none lost")
    faults = verify_file(log).faults
    outcome.check(not faults, f"the log does not verify: {faults[:2]}", "verified")
