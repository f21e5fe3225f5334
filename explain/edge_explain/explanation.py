"""What an explanation says: plain arrays and figures, no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.scan.read import Scan
    from edge_run.voting.prediction import Prediction


class MapParity(msgspec.Struct, frozen=True):
    """The bedside's class-activation map against Captum's Grad-CAM of the original.

    Attributes
    ----------
    cosine
        Between the two maps, before any clipping.
    max_abs
        Largest difference, as a share of the largest value of Captum's map.
    """

    cosine: float
    max_abs: float


class Curve(msgspec.Struct, frozen=True):
    """Probability of the explained class as pixels are put in or taken out, most important first.

    Attributes
    ----------
    shares
        Of the pixels, rising from 0 to 1.
    probabilities
        Of the whole ensemble, calibrated.
    area
        Under the curve, 0 to 1.
    random_area, random_deviation
        Mean and standard deviation of the area under curves of random rankings of the same patches.
    """

    shares: tuple[float, ...]
    probabilities: tuple[float, ...]
    area: float
    random_area: float
    random_deviation: float


class Trust(msgspec.Struct, frozen=True):
    """Whether the explanation can be believed.

    Attributes
    ----------
    insertion, deletion
        Of the ensemble's map.
    infidelity, sensitivity
        Captum's, of each member's Grad-CAM (Yeh et al. 2019): lower is better.
    randomisation
        Rank correlation of each member's map with the map of the same network with shuffled weights (Adebayo et al.
        2018): near 0 is right, near 1 means that the map does not depend on what was learnt.
    outside_body, border
        Share of the positive attribution of the ensemble's map outside the body, and on the outer border of the scan.
    agreement
        Rank correlation of each pair of members' maps, named ``a, b``.
    warnings
        In words a clinician reads; empty where there is nothing to warn of.
    """

    insertion: Curve | None
    deletion: Curve | None
    infidelity: dict[str, float]
    sensitivity: dict[str, float]
    randomisation: dict[str, float]
    outside_body: float
    border: float
    agreement: dict[str, float]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Regions:
    """Shapley values of regions for the compiled ensemble's probability.

    Attributes
    ----------
    segments
        ``[size, size] int``: the region of each pixel of the network's input, counted from 0.
    values
        ``[regions] float64``: their sum is ``full - empty`` but for ``gap``.
    empty, full
        Probability of the explained class with every region blanked, and with none.
    gap
        ``sum(values) - (full - empty)``.
    evaluations
        Forward passes of the ensemble that they took.
    """

    segments: NDArray[np.int64]
    values: NDArray[np.float64]
    empty: float
    full: float
    gap: float
    evaluations: int


@dataclass(frozen=True, eq=False)
class Explanation:
    """One scan, explained.

    Attributes
    ----------
    scan, prediction
        What was asked, and what the compiled ensemble answered.
    label
        The class that is explained.
    network_input
        ``[size, size] uint8``.
    originals
        Calibrated probabilities by label of the vote of the PyTorch originals.
    maps
        Class-activation maps of the compiled members, ``[h, w] float32``, signed; by network.
    ensemble_map
        ``[h, w] float32``: their mean, weighted by the vote, each divided by its temperature.
    grad_cams
        Captum's Grad-CAM of the originals at the last block, before ReLU, ``[h, w] float32``; by network.
    parity
        ``maps`` against ``grad_cams``.
    shap
        Captum's GradientShap of the originals, ``[size, size] float32``, signed; by network. Empty with ``quick``.
    completeness
        Of ``shap``: sum of the attributions less the difference of the outputs that they explain; by network.
    regions
        None with ``quick``.
    provenance
        Hashes, versions, parameters, the command; for the report's foot.
    """

    scan: Scan
    prediction: Prediction
    label: str
    network_input: NDArray[np.uint8]
    originals: Mapping[str, float]
    maps: Mapping[str, NDArray[np.float32]]
    ensemble_map: NDArray[np.float32]
    grad_cams: Mapping[str, NDArray[np.float32]]
    parity: Mapping[str, MapParity]
    shap: Mapping[str, NDArray[np.float32]]
    completeness: Mapping[str, float]
    regions: Regions | None
    trust: Trust
    provenance: Mapping[str, str]
