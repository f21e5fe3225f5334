"""Deal whole groups (patients) out to train, val and test."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from edge_run.errors import DataError

from .samples import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def assign_splits(
    labels: Sequence[str], groups: Sequence[str], *, seed: int, fractions: tuple[float, float, float]
) -> list[str]:
    """Split by whole groups, so that every class comes close to its fraction in every split.

    Groups are placed largest first, each where it adds least to the chi-square distance, summed over splits
    and classes, between the counts reached and those asked; unlike the plain squared distance this spreads
    large groups over the splits in proportion. Ties follow a hash of seed and group, not the order of scans.

    Parameters
    ----------
    labels, groups
        Class and group of each scan, ``[N]``.
    seed
        Another seed gives another split.
    fractions
        Shares of train, val and test; a share of zero leaves that split out.

    Returns
    -------
    The split of each scan, ``[N]``.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"the fractions {fractions} are not shares of one", hint="give three shares that add up to 1")
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        members[group][label] += 1
    totals = Counter(labels)
    target = {
        split: {label: share * count for label, count in totals.items()}
        for split, share in zip(SPLITS, fractions, strict=True)
        if share > 0
    }
    reached: dict[str, Counter[str]] = {split: Counter() for split in target}
    home: dict[str, str] = {}
    for group in sorted(members, key=lambda name: (-members[name].total(), _draw(seed, name))):
        home[group] = min(target, key=lambda split: _added(members[group], reached[split], target[split]))
        reached[home[group]].update(members[group])
    _fill_empty(home, members, list(target), seed)
    return [home[group] for group in groups]


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _added(group: Mapping[str, int], reached: Mapping[str, int], target: Mapping[str, float]) -> float:
    """Return the change of sum((reached - target)^2 / target) when the group joins."""
    return sum(n * (2 * (reached[label] - target[label]) + n) / target[label] for label, n in group.items())


def _fill_empty(home: dict[str, str], members: Mapping[str, Counter[str]], splits: Sequence[str], seed: int) -> None:
    """Move the smallest group that can be spared to each split that lacks a class (rare classes only)."""
    for label in sorted({label for counts in members.values() for label in counts}):
        for split in splits:
            holding = [group for group in members if members[group][label]]
            held = Counter(home[group] for group in holding)
            if held[split]:
                continue
            spare = [
                group
                for group in holding
                # Only where every class of the group has another group left in the split it leaves.
                if all(
                    sum(home[g] == home[group] and members[g][other] > 0 for g in members) > 1
                    for other in members[group]
                )
            ]
            if spare:
                home[min(spare, key=lambda group: (members[group].total(), _draw(seed, group)))] = split
