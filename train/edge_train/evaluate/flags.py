"""What a bundle's flags do on a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.flags import NAMES
from edge_run.metrics.clopper_pearson import LEVEL, interval, upper_bound

from .records import Flagged
from .risk import WorkingPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def count_flags(flags: Sequence[Sequence[str]], wrong: NDArray[np.bool_], groups: Sequence[str]) -> Flagged:
    """Measure flags against answers.

    Parameters
    ----------
    flags
        Names of each scan's flags, ``[N]``.
    wrong
        ``[N]``: whether the answer is.
    groups
        ``[N]``: patients.
    """
    marked = np.array([bool(names) for names in flags])
    group = np.asarray(groups)
    kept, missed = int((~marked).sum()), int((~marked & wrong).sum())
    low, high = interval(missed, kept) if kept else (None, None)
    patients = len(np.unique(group[~marked]))
    return Flagged(
        rates={name: sum(name in names for names in flags) / len(flags) for name in NAMES}
        | {"any": float(marked.mean())},
        unflagged=kept,
        unflagged_wrong=missed,
        error=missed / kept if kept else None,
        low=low,
        high=high,
        error_bound=upper_bound(len(np.unique(group[~marked & wrong])), patients) if kept else None,
        flagged_error=float(wrong[marked].mean()) if marked.any() else None,
    )


def working_point(flags: Flagged | None) -> WorkingPoint | None:
    """Where the flags stand on the risk-coverage curve."""
    if flags is None or flags.error is None:
        return None
    return WorkingPoint(1 - flags.rates["any"], flags.error)


def in_words(flags: Flagged) -> list[str]:
    """Lines for a person."""
    fired = [f"{name} {rate:.1%}" for name, rate in flags.rates.items() if name != "any" and rate]
    lines = [f"flags: {flags.rates['any']:.1%} of the scans flagged" + (f" ({', '.join(fired)})" if fired else "")]
    if flags.error is not None:
        span = f"{flags.error:.1%} [{flags.low:.1%} {flags.high:.1%}]"
        lines += [
            f"  Wrong among the {flags.unflagged} unflagged: {span} (Clopper-Pearson, {LEVEL:.0%}, scans independent);",
            f"  at {LEVEL:.0%} confidence, at most {flags.error_bound:.1%} of groups have a wrong unflagged answer.",
        ]
    if flags.flagged_error is not None:
        lines.append(f"  Wrong among the flagged: {flags.flagged_error:.1%}.")
    return lines
