"""A compiled artefact against its PyTorch original, on the same scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.manifest import Parity
from edge_run.vote import decide
from edge_train.metrics import measure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from edge_run.runner import Runner


def run_artefact(runner: Runner, pixels: NDArray[np.uint8], batch_size: int = 8) -> NDArray[np.float32]:
    """Logits ``[N, classes] float32`` of a loaded artefact for ``[N, H, W] uint8``."""
    starts = range(0, len(pixels), batch_size)
    return np.concatenate([runner.run(pixels[s : s + batch_size, None]).logits for s in starts])


def compare(
    artefact: NDArray[np.float64],
    original: NDArray[np.float64],
    targets: NDArray[np.int64],
    *,
    split: str,
    positive: int,
    threshold: float | None,
    logit_difference: float,
) -> Parity:
    """Compare probabilities ``[N, classes]``.

    Parameters
    ----------
    logit_difference
        Largest difference in logits, which probabilities do not show.
    """

    def figures(p: ArrayLike) -> tuple[float, float]:
        found = measure(p, targets, positive=positive, threshold=threshold)
        return found.accuracy, found.auroc

    (accuracy, auroc), (reference_accuracy, reference_auroc) = figures(artefact), figures(original)
    labels = [decide(p, positive=positive, threshold=threshold) for p in (artefact, original)]
    return Parity(
        split=split,
        scans=len(targets),
        max_abs_logit=logit_difference,
        max_abs_probability=float(np.abs(artefact - original).max()),
        flips=int((labels[0] != labels[1]).sum()),
        accuracy=accuracy,
        reference_accuracy=reference_accuracy,
        auroc=auroc,
        reference_auroc=reference_auroc,
    )
