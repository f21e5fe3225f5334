"""A compiled artefact against its PyTorch original, on the same scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.bundle.manifest import Parity
from edge_run.metrics.figures import measure
from edge_run.voting.vote import decide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_export.scans.export_scans import ValidationScans


def compare(
    artefact: NDArray[np.float64],
    original: NDArray[np.float64],
    validation: ValidationScans,
    *,
    logit_difference: float,
) -> Parity:
    """Compare calibrated probabilities ``[N, classes]``, each side at its own temperature, as the bedside sees them.

    Parameters
    ----------
    logit_difference
        Largest difference in logits, which probabilities do not show.
    """
    positive, threshold = validation.positive, validation.threshold
    sides = (artefact, original)
    found, reference = (measure(p, validation.targets, positive=positive, threshold=threshold) for p in sides)
    labels = [decide(p, positive=positive, threshold=threshold) for p in sides]
    return Parity(
        split=validation.split,
        scans=len(validation.targets),
        max_abs_logit=logit_difference,
        max_abs_probability=float(np.abs(artefact - original).max()),
        flips=int((labels[0] != labels[1]).sum()),
        accuracy=found.accuracy,
        reference_accuracy=reference.accuracy,
        sensitivity=found.sensitivity,
        reference_sensitivity=reference.sensitivity,
        auroc=found.auroc,
        reference_auroc=reference.auroc,
    )


def in_words(parity: Parity) -> str:
    """One line for a person."""
    return (
        f"logits within {parity.max_abs_logit:.2g}, probabilities within {parity.max_abs_probability:.2g}, "
        f"{parity.flips} of {parity.scans} labels differ, accuracy {parity.accuracy:.4f} "
        f"({parity.accuracy - parity.reference_accuracy:+.4f}), AUROC {parity.auroc:.4f} "
        f"({parity.auroc - parity.reference_auroc:+.4f})"
    )
