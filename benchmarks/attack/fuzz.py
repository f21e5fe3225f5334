"""Damaged files of every format: each must end in a scan or a refusal, in bounded time, without a word on stderr.

A process of its own reads them, so that a crash is seen. Before it reads a file it writes it down, so that the one that
crashes it is known.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.attack.mutate import mutated
from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import seeds

MOST_SECONDS = 7.0
"""What reading a file may take: 5 s of decoding, and a little for a busy machine."""
MOST_MIB = 1500
"""What the reading process may grow to, the small decoders and what is kept of 64 Mi pixels included."""


def attack(seed: int, tries: int, seconds: float) -> Outcome:
    """Read damaged files until there were enough or the time is used."""
    outcome, clock = Outcome("fuzz: pictures and DICOM"), Clock(seconds)
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        while done < tries and not clock.over:
            left = max(1.0, seconds - clock.spent)
            at = Path(folder) / "file"
            command = [sys.executable, "-m", __spec__.name, str(seed), str(done), str(tries), str(left), str(at)]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=left + 120, check=False)
            lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
            done += _count(outcome, lines, seed)
            if ran.stderr:
                outcome.fail(f"something was written to stderr: {ran.stderr[-400:]!r} (seed {seed})")
            if ran.returncode and not at.exists():
                raise SystemExit(f"the reading process does not start: {ran.stderr}")
            if ran.returncode:
                kept = Path(tempfile.gettempdir()) / f"edge-run-attack-{seed}-{done}"
                kept.write_bytes(at.read_bytes())
                outcome.fail(f"the process ended with {ran.returncode} at file {done} of seed {seed}: {kept}")
                done += 1
    outcome.seconds = clock.spent
    return outcome


def _count(outcome: Outcome, lines: list[dict[str, object]], seed: int) -> int:
    done = 0
    for line in lines:
        if "peak" in line:
            outcome.figures["peak"] = f"{line['peak']} MiB"
            outcome.figures["slowest"] = f"{line['slowest']} s ({line['of']})"
            if int(str(line["peak"])) > MOST_MIB:
                outcome.fail(f"the process grew to {line['peak']} MiB (seed {seed})")
            continue
        done += 1
        if line["end"] in ("answered", "refused"):
            outcome.count(str(line["end"]))
        else:
            outcome.fail(f"{line['kind']}, file {line['number']} of seed {seed}: {line['end']}")
    return done


def _read_all(seed: int, first: int, tries: int, seconds: float, at: Path) -> None:
    """Read the files from a number on, and write how each ended."""
    from edge_run import InputError
    from edge_run.scan.read import read_frames

    files, clock, slowest = seeds(), Clock(seconds), (0.0, "")
    names, contents = list(files), list(files.values())
    for name, data in files.items():
        read_frames(data)  # a whole file is read, or the attack attacks nothing
        del name
    for number in range(first, tries):
        rng = random.Random(f"{seed} {number}")
        kind = names[number % len(names)]
        data = mutated(files[kind], contents, rng)
        at.write_bytes(data)
        begin = time.monotonic()
        try:
            read_frames(data)
            end = "answered"
        except InputError as error:
            end = "refused" if "\n" not in error.message else f"a message of several lines: {error.message!r}"
        except BaseException:  # noqa: BLE001 - whatever it is, it is what the attack looks for
            end = traceback.format_exc(limit=-3)
        took = time.monotonic() - begin
        slowest = max(slowest, (round(took, 1), kind))
        if took > MOST_SECONDS:
            end = f"took {took:.1f} s"
        print(json.dumps({"number": number, "kind": kind, "end": end}), flush=True)
        if clock.over:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"peak": peak, "slowest": slowest[0], "of": slowest[1]}), flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _read_all(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
