"""What every figure begins with: checked arrays, and quotients that may be undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def checked_probabilities(
    probabilities: ArrayLike, targets: ArrayLike, positive: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return probabilities ``[N, C] float64`` and targets ``[N] int64``, checked.

    Raises
    ------
    DataError
        There are no scans.
    ValueError
        Shapes disagree, a row is not a distribution, or a target or ``positive`` is no class.
    """
    p, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if p.ndim != 2 or p.shape[1] < 2:
        raise ValueError(f"expected probabilities [N, C] with C of 2 or more, got {list(p.shape)}")
    if not 0 <= positive < p.shape[1]:
        raise ValueError(f"positive class {positive} is not one of the {p.shape[1]} classes")
    if len(p) == 0:
        raise DataError("There are no scans to measure.", hint="Name a split or a folder that has labelled scans.")
    if labels.shape != (len(p),) or labels.dtype.kind not in "iu":
        raise ValueError(f"expected {len(p)} integer targets, got {list(labels.shape)} {labels.dtype}")
    if labels.min() < 0 or labels.max() >= p.shape[1]:
        raise ValueError(f"targets span {labels.min()} to {labels.max()}, expected 0 to {p.shape[1] - 1}")
    # 1e-3 leaves room for softmax in FP16; NaN fails both comparisons.
    if not (np.all((p >= 0) & (p <= 1 + 1e-6)) and np.all(np.abs(p.sum(axis=1) - 1) <= 1e-3)):
        raise ValueError("a row of probabilities is not a distribution (negative, above 1, NaN or sum not 1)")
    return p, labels.astype(np.int64)


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient, NaN where the denominator is 0: undefined is not zero."""
    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient
