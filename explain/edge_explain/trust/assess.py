"""Compute all figures of trust of one explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_explain.explanation import Trust

from .agreement import agreement
from .curves import deletion, insertion, random_baseline
from .faithfulness import infidelity, sensitivity
from .location import body, evidence_location
from .parameter_randomisation import randomisation
from .trust_warnings import agreement_warnings, curve_warnings, location_warnings, randomisation_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_explain.explanation import Curve
    from edge_explain.methods.compiled import ProbabilityFunction
    from edge_explain.methods.originals import Originals
    from edge_explain.progress import PartProgress
    from edge_explain.settings import Settings


class MapsToAssess(NamedTuple):
    """The maps of one scan, and what they are tested with.

    Attributes
    ----------
    pixels
        ``[size, size] uint8``: the network's input.
    label
        Index of the explained class.
    probability
        The compiled ensemble's probability of it.
    ensemble_map, maps
        Maps of the compiled ensemble and members, ``[h, w] float32``.
    grad_cams
        Maps of the originals, ``[h, w] float32``.
    opposite
        Whether the answer is the other of two classes. Evidence for the answer is then what the maps have below 0.
    """

    pixels: NDArray[np.uint8]
    label: int
    probability: ProbabilityFunction
    ensemble_map: NDArray[np.float32]
    maps: Mapping[str, NDArray[np.float32]]
    grad_cams: Mapping[str, NDArray[np.float32]]
    opposite: bool = False


def curves(subject: MapsToAssess, settings: Settings, seed: int, progress: PartProgress) -> tuple[Curve, Curve]:
    """Compute the insertion and the deletion curve of the ensemble's map."""
    probability, pixels, steps = subject.probability, subject.pixels, settings.steps
    baseline = random_baseline(
        probability, pixels, rankings=settings.rankings, steps=steps, seed=seed, progress=progress
    )
    return (
        insertion(probability, pixels, subject.ensemble_map, baseline, steps=steps),
        deletion(probability, pixels, subject.ensemble_map, baseline, steps=steps),
    )


def assess(
    subject: MapsToAssess,
    measured: tuple[Curve, Curve],
    originals: Originals,
    settings: Settings,
    seed: int,
    progress: PartProgress,
) -> Trust:
    """Compute all figures, given the curves. Warnings about the originals' answer are not among those returned."""
    pixels, label = subject.pixels, subject.label
    infidelities: dict[str, float] = {}
    sensitivities: dict[str, float] = {}
    randomisations: dict[str, float] = {}
    for done, (member_id, map_) in enumerate(subject.grad_cams.items(), 1):
        member = originals.member(member_id)
        if settings.squares:
            temperature = originals.temperature(member_id)
            infidelities[member_id] = infidelity(
                member, pixels, map_, label, temperature=temperature, samples=settings.squares, seed=seed
            )
        if settings.noises:
            sensitivities[member_id] = sensitivity(member, pixels, label, samples=settings.noises, seed=seed)
        if settings.shuffles:
            randomisations[member_id] = randomisation(member, pixels, map_, label, times=settings.shuffles, seed=seed)
        progress(done, len(subject.grad_cams))
    where = evidence_location(-subject.ensemble_map if subject.opposite else subject.ensemble_map, body(pixels))
    correlations = agreement(subject.maps)
    warnings = (
        *location_warnings(*where),
        *curve_warnings(*measured),
        *randomisation_warnings(randomisations),
        *agreement_warnings(correlations),
    )
    return Trust(*measured, infidelities, sensitivities, randomisations, *where, correlations, warnings)
