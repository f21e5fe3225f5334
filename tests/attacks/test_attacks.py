"""The short form of the campaign ``python -m benchmarks.attack``: some of each kind of attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.attack import bombs, bundles, case_logs, fuzz, injection, kills, watching
from benchmarks.attack.__main__ import SEED
from benchmarks.attack.mutate import mutated
from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import seeds

if TYPE_CHECKING:
    from collections.abc import Iterable

SECONDS = 60.0


def held(outcomes: Iterable[Outcome], least: int) -> None:
    broken = [f"{outcome.name}: {what}" for outcome in outcomes for what in outcome.broken]
    assert not broken, "\n".join(broken)
    assert sum(outcome.tries for outcome in outcomes) >= least


def test_fuzz():
    held([fuzz.attack(SEED, 300, SECONDS)], 300)


def test_bombs():
    held([bombs.attack(SECONDS, few=True)], 2)


def test_bundles():
    held(bundles.attack(SEED, 20, SECONDS), 70)


def test_kills():
    held(kills.attack(SEED, 1, SECONDS), 6)


def test_watch():
    held(watching.attack(SECONDS, many=300, deep=200), 150)


def test_injection():
    held([injection.attack(SECONDS, few=True)], 6)


def test_case_logs():
    held(case_logs.attack(SEED, 5.0, every=60), 60)


# The campaign itself


def test_damage_is_damage_and_depends_on_the_seed_alone():
    import random

    files = list(seeds().values())
    one, same, other = (mutated(files[0], files, random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert one != files[0]


def test_broken_promise_is_counted_and_printed():
    outcome = Outcome("it")
    outcome.check(True, "", "held")
    outcome.check(False, "it broke")
    assert (outcome.tries, outcome.broken) == (2, ["it broke"])
    assert "BROKEN: it broke" in "\n".join(outcome.lines())
    assert Clock(0).over
    assert not Clock(60).over


def test_fuzz_sees_an_error_that_is_no_refusal():
    counted = Outcome("fuzz")
    lines = [{"number": 1, "kind": "png", "end": "answered"}, {"number": 2, "kind": "png", "end": "Traceback ..."}]
    assert fuzz._count(counted, lines, SEED) == 2
    assert (counted.ends["answered"], len(counted.broken)) == (1, 1)
