"""Attack what SECURITY.md promises, in bounded time, and print what came of it.

    python -m benchmarks.attack [PART ...] [--short] [--seed N] [--minutes M]

Parts: fuzz, bombs, bundles, kills, watch, injection, logs; all by default. The exit code is 1 where a promise broke.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from benchmarks.attack import bombs, bundles, case_logs, fuzz, injection, kills, watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.attack.outcome import Outcome

SEED = 20261126


def parts(seed: int, seconds: float, *, short: bool) -> dict[str, Callable[[], list[Outcome]]]:
    """Return the parts of the campaign, each of which takes at most so many seconds and a little more."""
    return {
        "fuzz": lambda: [fuzz.attack(seed, 400 if short else 100_000, seconds)],
        "bombs": lambda: [bombs.attack(seconds, few=short)],
        "bundles": lambda: bundles.attack(seed, 40 if short else 3_000, seconds / 5),
        "kills": lambda: kills.attack(seed, 2 if short else 50, seconds),
        "watch": lambda: watching.attack(seconds / 3, many=300 if short else 20_000, deep=200 if short else 1_500),
        "injection": lambda: [injection.attack(seconds, few=short)],
        "logs": lambda: case_logs.attack(seed, seconds, every=60 if short else 1),
    }


def main() -> int:
    """Run the parts that are asked for, and print a row for each thing that they attacked."""
    names = list(parts(0, 0, short=True))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[*names, []], metavar="PART")
    parser.add_argument("--short", action="store_true", help="a try of each kind, as CI does")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=3.0, help="the most that each part may take")
    given = parser.parse_args()
    print(f"seed {given.seed}{', short' if given.short else f', up to {given.minutes:g} minutes a part'}")
    print(f"{'':28} {'tries':>7} {'broken':>6} {'seconds':>7}  how they ended")
    broken = tries = 0
    for name, part in parts(given.seed, given.minutes * 60, short=given.short).items():
        if given.part and name not in given.part:
            continue
        for outcome in part():
            print("\n".join(outcome.lines()), flush=True)
            broken, tries = broken + len(outcome.broken), tries + outcome.tries
    print(f"{tries} tries, {broken} broke a promise")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
