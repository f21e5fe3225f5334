"""How thoroughly a scan is explained."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True):
    """Everything that decides how long an explanation takes; 0 leaves a part out.

    Attributes
    ----------
    shap_samples
        Number of gradients for each background scan; see :func:`edge_explain.methods.gradient_shap.gradient_shap`.
    regions, permutations
        See :func:`edge_explain.methods.regions.shapley`.
    steps, rankings
        Number of steps of the insertion and deletion curves, and of random rankings that they are compared with.
    squares, noises
        Number of perturbations for infidelity and for sensitivity, for each member.
    shuffles
        How often the weights of each member are shuffled.
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
"""Takes seconds: the maps, and how they compare with chance."""
