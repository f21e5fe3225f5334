"""Compute the parts of an explanation, in the order in which they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run.heatmap.activation import contrast_map, vote_map
from edge_run.voting.vote import decide

from .explanation import ExplanationParts
from .methods.compiled import probability_of
from .methods.gradcam import grad_cam
from .methods.gradient_shap import gradient_shap
from .methods.regions import shapley
from .parity import compare
from .progress import WeightedProgress
from .trust import MapsToAssess, assess, curves
from .trust.trust_warnings import originals_warnings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble

    from .methods.background import Background
    from .methods.gradient_shap import Shap
    from .methods.originals import Originals
    from .progress import PartProgress, ShowProgress
    from .settings import Settings

    MapsByMember = dict[str, NDArray[np.float32]]

FORWARD, BACKWARD = 3.0, 9.0
"""Time of a forward pass through the originals, and of one with a backward pass; the compiled ensemble's is 1."""


@dataclass(frozen=True)
class Request:
    """A scan to explain, and how.

    Attributes
    ----------
    inputs
        ``[1, 1, size, size] uint8``: the network's input.
    ensemble, originals
        The compiled members, and their PyTorch originals.
    answered
        Index of the class that the ensemble answered.
    label
        Index of the class to explain.
    settings, seed
        How thoroughly, and the seed of all random draws.
    background
        Scans that GradientShap compares with.
    """

    inputs: NDArray[np.uint8]
    ensemble: Ensemble
    originals: Originals
    answered: int
    label: int
    settings: Settings
    seed: int
    background: Background

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """``[size, size] uint8``."""
        pixels: NDArray[np.uint8] = self.inputs[0, 0]
        return pixels


def compute(request: Request, show: ShowProgress) -> ExplanationParts:
    """Compute every part that the settings ask for, and show the progress."""
    settings, progress = request.settings, WeightedProgress(_costs(request), show)
    labels = request.ensemble.manifest.task.labels
    probabilities = _original_probabilities(request, progress.part("originals"))
    maps, ensemble_map = _compiled_maps(request)
    grad_cams = _grad_cams(request, progress.part("Grad-CAM"))
    parity = {member_id: compare(maps[member_id], grad_cams[member_id]) for member_id in maps}
    probability = probability_of(request.ensemble, request.label)
    opposite = len(labels) == 2 and request.answered != request.label
    subject = MapsToAssess(request.pixels, request.label, probability, ensemble_map, maps, grad_cams, opposite)
    measured = curves(subject, settings, request.seed, progress.part("curves"))
    trust = assess(subject, measured, request.originals, settings, request.seed, progress.part("trust"))
    warnings = originals_warnings(labels[request.answered], labels[_decide(request, probabilities)], parity)
    regions = None
    if settings.regions:
        regions = shapley(
            probability,
            request.pixels,
            regions=settings.regions,
            permutations=settings.permutations,
            seed=request.seed,
            progress=progress.part("regions"),
        )
    shap = _shap(request, progress.part("SHAP")) if settings.shap_samples else {}
    return ExplanationParts(
        originals=dict(zip(labels, map(float, probabilities), strict=True)),
        maps=maps,
        ensemble_map=ensemble_map,
        grad_cams=grad_cams,
        parity=parity,
        shap={member_id: one.attribution for member_id, one in shap.items()},
        completeness={member_id: one.gap for member_id, one in shap.items()},
        regions=regions,
        trust=msgspec.structs.replace(trust, warnings=(*warnings, *trust.warnings)),
    )


def _costs(request: Request) -> dict[str, float]:
    """Estimate the time of each part, in forward passes of the compiled ensemble."""
    settings, baselines = request.settings, len(request.background.pixels)
    return {
        "originals": 2 * FORWARD,
        "Grad-CAM": FORWARD,
        "curves": (settings.rankings + 2.0) * settings.steps,
        "trust": (settings.squares + settings.noises + 2 * settings.shuffles) * FORWARD,
        "regions": float(settings.regions * settings.permutations),
        "SHAP": settings.shap_samples * baselines * BACKWARD,
    }


def _original_probabilities(request: Request, progress: PartProgress) -> NDArray[np.float64]:
    """Load the originals, and return the probabilities of their vote, ``[classes]``."""
    for done, member_id in enumerate(request.originals.ids):
        request.originals.member(member_id)
        progress(done + 1, len(request.originals.ids) + 1)
    (probabilities,) = request.originals.probabilities(request.pixels[None])
    return np.asarray(probabilities, dtype=np.float64)


def _decide(request: Request, probabilities: NDArray[np.float64]) -> int:
    task = request.ensemble.manifest.task
    return int(decide(probabilities, positive=task.labels.index(task.positive), threshold=task.threshold))


def _compiled_maps(request: Request) -> tuple[MapsByMember, NDArray[np.float32]]:
    """Compute the compiled members' maps, ``[h, w]`` each, and that of their vote."""
    ensemble = request.ensemble
    members = ensemble.manifest.members
    maps = {
        member.id: contrast_map(out.features[0], ensemble.bundle.read_array(member.head), request.label)
        for member, out in zip(members, ensemble.outputs(request.inputs), strict=True)
    }
    temperatures = [member.artefacts[ensemble.precision].temperature for member in members]
    return maps, vote_map(list(maps.values()), [member.weight for member in members], temperatures)


def _grad_cams(request: Request, progress: PartProgress) -> MapsByMember:
    maps = {}
    for done, member_id in enumerate(request.originals.ids):
        maps[member_id] = grad_cam(request.originals.member(member_id), request.pixels, request.label)
        progress(done + 1, len(request.originals.ids))
    return maps


def _shap(request: Request, progress: PartProgress) -> dict[str, Shap]:
    ids, baselines = request.originals.ids, len(request.background.pixels)
    shap = {}
    for number, member_id in enumerate(ids):

        def report(done: int, _steps: int, before: int = number * baselines) -> None:
            progress(before + done, len(ids) * baselines)

        shap[member_id] = gradient_shap(
            request.originals.member(member_id),
            request.pixels,
            request.label,
            request.background.pixels,
            samples=request.settings.shap_samples,
            seed=request.seed,
            progress=report,
        )
    return shap
