"""Damaged case logs: every changed byte of what is stored must be found, and the entry that has it named."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from pathlib import Path

from benchmarks.attack.outcome import Clock, Outcome
from edge_run.cases import CaseLog, CaseLogError, reading
from edge_run.cases.chain import verify_file
from edge_run.voting.prediction import Decision, MemberVote, Prediction, Source

CASES = 6
SAID = {"covid": 0.9, "non_covid": 0.1}


def answer(number: int = 0) -> Prediction:
    """A prediction to log, without any network."""
    vote = MemberVote("resnet18", "resnet18", 1.0, "covid", 0.9, SAID, (1.0, -1.0))
    decision = Decision("covid", 0.9, SAID, None, (), (vote,), {"score": 0.9 - number / 100})
    source = Source("small", "b" * 64, "fp32", "cpu", "0.2.0")
    return Prediction(f"scan-{number}.png", decision, source, f"{number:064x}", (), {"read": 1.0, "infer": 2.0})


def attack(seed: int, seconds: float, *, every: int = 1) -> list[Outcome]:
    """Change each byte of the stored entries and hashes, or each so many, and random bytes of the whole file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.sqlite"
        with CaseLog.open(path) as log:
            for number in range(CASES):
                log.append(answer(number))
        return [_stored(path, seed, seconds, every), _anywhere(path, seed, seconds)]


def _stored(path: Path, seed: int, seconds: float, every: int) -> Outcome:
    outcome, clock, chance = Outcome("case log: stored bytes"), Clock(seconds), random.Random(seed)
    whole = path.read_bytes()
    for seq, at in _places(path, whole)[::every]:
        if clock.over:
            break
        _change(path, whole, at, chance.randrange(1, 256))
        named = [fault.seq for fault in verify_file(path).faults]
        try:
            with CaseLog.existing(path) as log:
                read = [case["seq"] for case in reading.cases(log, damaged=[])]
        except CaseLogError as error:
            read = [error.message]
        others = set(range(1, CASES + 1)) - {seq}
        held = seq in named and others <= set(read)
        outcome.check(held, f"byte {at} of entry {seq}: named {named}, still read {read}", "named")
    path.write_bytes(whole)
    outcome.seconds = clock.spent
    return outcome


def _places(path: Path, whole: bytes) -> list[tuple[int, int]]:
    """Return entry and place of every byte of the entries and their hashes."""
    found = []
    connection = sqlite3.connect(path)
    for seq, text, hashed in connection.execute("SELECT seq, entry, hash FROM entries").fetchall():
        stored = f"{text}{hashed}".encode()  # SQLite stores the columns of a row one after the other
        begin = whole.index(stored)
        found += [(seq, begin + n) for n in range(len(stored))]
    connection.close()
    return found


def _anywhere(path: Path, seed: int, seconds: float) -> Outcome:
    """Change bytes anywhere: the log is found damaged, or is as whole as it was."""
    outcome, clock, chance = Outcome("case log: any byte"), Clock(seconds / 3), random.Random(seed)
    whole = path.read_bytes()
    sound = _content(path)
    while outcome.tries < 400 and not clock.over:
        at, flip = chance.randrange(len(whole)), chance.randrange(1, 256)
        _change(path, whole, at, flip)
        try:
            faults = verify_file(path).faults
        except CaseLogError:
            outcome.count("refused")
            continue
        if faults:
            outcome.count("found")
        else:
            outcome.check(_content(path) == sound, f"byte {at} changed by {flip}: not found", "harmless")
    path.write_bytes(whole)
    outcome.seconds = clock.spent
    return outcome


def _change(path: Path, whole: bytes, at: int, flip: int) -> None:
    path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])


def _content(path: Path) -> list[str]:
    with CaseLog.existing(path) as log:
        return [str(case) for case in reading.cases(log)]
