"""The data of an explanation: plain arrays and figures, without PyTorch."""

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
    """How much a compiled class-activation map resembles Captum's Grad-CAM of the original.

    Attributes
    ----------
    cosine
        Cosine similarity of the two maps, before any clipping.
    max_abs
        Largest difference as a share of the largest value of Captum's map.
    """

    cosine: float
    max_abs: float


class Curve(msgspec.Struct, frozen=True):
    """Probability of the explained class as pixels are inserted or deleted, the most important first.

    Attributes
    ----------
    shares
        Share of the pixels, rising from 0 to 1.
    probabilities
        Calibrated probability of the whole ensemble at each share.
    area
        Area under the curve, 0 to 1.
    random_area, random_deviation
        Mean and standard deviation of the areas of random rankings of the same patches.
    """

    shares: tuple[float, ...]
    probabilities: tuple[float, ...]
    area: float
    random_area: float
    random_deviation: float


class Trust(msgspec.Struct, frozen=True):
    """Figures that tell whether the explanation can be relied on.

    Attributes
    ----------
    insertion, deletion
        Curves of the ensemble's map.
    infidelity, sensitivity
        Captum's figures of each member's Grad-CAM (Yeh et al. 2019); lower is better.
    randomisation
        Rank correlation of each member's map with the map of the same network with shuffled weights (Adebayo et al.
        2018). It should be near 0; near 1 the map does not depend on what was learnt.
    outside_body, border
        Share of the evidence for the answer that lies outside the body, and on the outer border of the scan.
    agreement
        Rank correlation of the maps of each pair of members, by ``a, b``.
    warnings
        Sentences for a clinician; empty where no figure calls for one.
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
        ``[regions] float64``, in probability; their sum is ``full - empty + gap``.
    empty, full
        Probability of the explained class with every region blurred, and with none.
    gap
        ``sum(values) - (full - empty)``.
    evaluations
        Number of forward passes of the ensemble.
    """

    segments: NDArray[np.int64]
    values: NDArray[np.float64]
    empty: float
    full: float
    gap: float
    evaluations: int


@dataclass(frozen=True, eq=False)
class ExplanationParts:
    """What takes long to compute, and what the cache keeps.

    Attributes
    ----------
    originals
        Calibrated probabilities of the vote of the PyTorch originals, by label.
    maps
        Class-activation maps of the compiled members, ``[h, w] float32``, by member. Positive values are evidence for
        ``label``.
    ensemble_map
        ``[h, w] float32``: mean of ``maps``, weighted by the vote, each divided by its temperature.
    grad_cams
        Captum's Grad-CAM of the originals at the last block, before ReLU, ``[h, w] float32``, by member.
    parity
        How much ``maps`` resemble ``grad_cams``, by member.
    shap
        Captum's GradientShap of the originals, ``[size, size] float32``, signed, by member. Empty with ``quick``.
    completeness
        Sum of each ``shap`` minus the difference of the outputs that it explains, in log-odds, by member.
    regions
        Shapley values of regions; None with ``quick``.
    trust
        Figures that tell whether all this can be relied on.
    """

    originals: Mapping[str, float]
    maps: Mapping[str, NDArray[np.float32]]
    ensemble_map: NDArray[np.float32]
    grad_cams: Mapping[str, NDArray[np.float32]]
    parity: Mapping[str, MapParity]
    shap: Mapping[str, NDArray[np.float32]]
    completeness: Mapping[str, float]
    regions: Regions | None
    trust: Trust


@dataclass(frozen=True, eq=False)
class Explanation(ExplanationParts):
    """The explanation of the answer to one scan: the computed parts, and what they belong to.

    Attributes
    ----------
    scan, prediction
        The scan, and the answer of the compiled ensemble.
    case_id
        The case in the case log; empty where there is none.
    label
        The class that is explained: of two classes always the positive one.
    network_input
        ``[size, size] uint8``.
    origin
        Where the originals come from: the run that was trained, or rebuilt from the bundle.
    provenance
        Hashes, versions, parameters and the command, by name.
    """

    scan: Scan
    prediction: Prediction
    case_id: str
    label: str
    origin: str
    network_input: NDArray[np.uint8]
    provenance: Mapping[str, str]
