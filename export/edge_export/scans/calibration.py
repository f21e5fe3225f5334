"""Which training scans set the INT8 ranges."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_train.data.dataset import Sample


def choose_scans(samples: Sequence[Sample], count: int, *, seed: int = 0) -> list[int]:
    """Pick scans evenly over classes, and within a class over groups, so that one patient does not set the ranges.

    Parameters
    ----------
    samples
        Candidates; only the split ``train`` is ever given here.
    count
        How many; fewer where there are fewer.

    Returns
    -------
    Positions in ``samples``, sorted.
    """
    rng = np.random.default_rng(seed)
    by_class: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, sample in enumerate(samples):
        by_class[sample.label][sample.group].append(position)
    queues = [_round_robin([groups[g] for g in sorted(groups)], rng) for _, groups in sorted(by_class.items())]
    return sorted(_deal(queues)[:count])


def _round_robin(groups: list[list[int]], rng: np.random.Generator) -> list[int]:
    shuffled = [list(rng.permutation(group)) for group in groups]
    return [int(p) for p in _deal([shuffled[g] for g in rng.permutation(len(shuffled))])]


def _deal(queues: list[list[int]]) -> list[int]:
    """One from each queue in turn, until all are empty."""
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
