"""How thoroughly a scan is explained."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True):
    """Everything that decides what an explanation takes; 0 leaves a part out.

    Attributes
    ----------
    shap_samples
        Gradients for each background scan.
    regions, permutations
        See :func:`edge_explain.methods.regions.shapley`.
    steps, rankings
        Of the insertion and deletion curves, and random rankings they are held against.
    squares, noises
        Perturbations for infidelity and for sensitivity, for each member.
    shuffles
        Of each member's weights.
    """

    shap_samples: int = 2
    regions: int = 32
    permutations: int = 6
    steps: int = 10
    rankings: int = 4
    squares: int = 8
    noises: int = 3
    shuffles: int = 3


FULL = Settings()
QUICK = Settings(shap_samples=0, regions=0, permutations=0, steps=6, rankings=2, squares=0, noises=0, shuffles=0)
"""What takes seconds: the maps, and how they fare against chance."""
