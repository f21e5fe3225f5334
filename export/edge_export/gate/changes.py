"""How many answers an artefact changes, and whether so few scans can refute a tolerance.

A share is a count over the number of scans: on 70 scans one changed label is 1.4 %, above a tolerance of 0.5 %, yet an
artefact that changes 0.5 % of all labels changes one of 70 in 30 % of all draws. So a tolerance counts as broken when
the scans refute it with a confidence of 95 %: when as many changes as were counted, or more, would occur in at most 5 %
of draws if the tolerance were just met. A tolerance of 0 accepts no change at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import binom

from edge_run.voting.vote import decide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_export.scans.export_scans import ValidationScans

SIGNIFICANCE = 0.05


class Paired(NamedTuple):
    """Scans of which an artefact got wrong what its original had right, and the reverse, of how many scans."""

    lost: int
    gained: int
    scans: int


class Changes(NamedTuple):
    """Changed labels, and changes of right and wrong on all scans and on those of the positive class."""

    flips: int
    accuracy: Paired
    sensitivity: Paired


def count_changes(artefact: NDArray[np.float64], original: NDArray[np.float64], validation: ValidationScans) -> Changes:
    """Count the answers that differ between calibrated probabilities ``[N, classes]`` of artefact and original."""
    after, before = (
        decide(p, positive=validation.positive, threshold=validation.threshold) for p in (artefact, original)
    )
    right_after, right_before = after == validation.targets, before == validation.targets
    everywhere = np.ones(len(after), bool)
    pairs = [
        Paired(
            int((right_before & ~right_after & where).sum()),
            int((right_after & ~right_before & where).sum()),
            int(where.sum()),
        )
        for where in (everywhere, validation.targets == validation.positive)
    ]
    return Changes(int((after != before).sum()), *pairs)


def p_of_count(count: int, scans: int, tolerance: float) -> float:
    """Probability of at least ``count`` changes of ``scans`` where each changes with probability ``tolerance``."""
    return float(binom.sf(count - 1, scans, min(tolerance, 1.0)))


def p_of_loss(paired: Paired, tolerance: float) -> float:
    """Probability of losing at least so many of the scans that changed, if the net loss were just ``tolerance``.

    A sign test (McNemar 1947) whose null hypothesis is not an even chance but the net loss that is tolerated.
    """
    changed = paired.lost + paired.gained
    if changed == 0:
        return 1.0
    expected = min(1.0, (changed + tolerance * paired.scans) / (2 * changed))
    return float(binom.sf(paired.lost - 1, changed, expected))
