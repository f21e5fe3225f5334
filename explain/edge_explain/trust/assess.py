"""All figures of trust of one explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_explain.explanation import Trust

from . import warn
from .agreement import agreement
from .curves import deletion, insertion, random_baseline
from .faithfulness import infidelity, sensitivity
from .parameter_randomisation import randomisation
from .place import body, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_explain.explanation import Curve
    from edge_explain.methods.compiled import Answer
    from edge_explain.methods.originals import Originals
    from edge_explain.settings import Settings

    Progress = Callable[[int, int], None]


class Judged(NamedTuple):
    """What is judged.

    Attributes
    ----------
    pixels
        ``[size, size] uint8``: the network's input.
    label
        Index of the explained class.
    answer
        Of the compiled ensemble.
    ensemble_map, maps
        Of the compiled members.
    grad_cams
        Of the originals.
    """

    pixels: NDArray[np.uint8]
    label: int
    answer: Answer
    ensemble_map: NDArray[np.float32]
    maps: Mapping[str, NDArray[np.float32]]
    grad_cams: Mapping[str, NDArray[np.float32]]


def curves(judged: Judged, settings: Settings, seed: int, progress: Progress) -> tuple[Curve, Curve]:
    """Insertion and deletion of the ensemble's map."""
    answer, pixels, steps = judged.answer, judged.pixels, settings.steps
    baseline = random_baseline(answer, pixels, rankings=settings.rankings, steps=steps, seed=seed, progress=progress)
    return (
        insertion(answer, pixels, judged.ensemble_map, baseline, steps=steps),
        deletion(answer, pixels, judged.ensemble_map, baseline, steps=steps),
    )


def assess(
    judged: Judged,
    drawn: tuple[Curve, Curve],
    originals: Originals,
    settings: Settings,
    seed: int,
    progress: Progress,
) -> Trust:
    """Judge an explanation, given its curves; the report's other warnings are still to be added."""
    pixels, label = judged.pixels, judged.label
    disloyal: dict[str, float] = {}
    nervous: dict[str, float] = {}
    forgetful: dict[str, float] = {}
    for done, (member_id, map_) in enumerate(judged.grad_cams.items()):
        member = originals.member(member_id)
        if settings.squares:
            temperature = originals.temperature(member_id)
            disloyal[member_id] = infidelity(
                member, pixels, map_, label, temperature=temperature, samples=settings.squares, seed=seed
            )
        if settings.noises:
            nervous[member_id] = sensitivity(member, pixels, label, samples=settings.noises, seed=seed)
        if settings.shuffles:
            forgetful[member_id] = randomisation(member, pixels, map_, label, times=settings.shuffles, seed=seed)
        progress(done + 1, len(judged.grad_cams))
    where = shares(judged.ensemble_map, body(pixels))
    alike = agreement(judged.maps)
    found = warn.of_place(*where) + warn.of_curves(*drawn) + warn.of_randomisation(forgetful) + warn.of_agreement(alike)
    return Trust(*drawn, disloyal, nervous, forgetful, *where, alike, tuple(found))
