"""The parts of an explanation, in the order in which they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run.heatmap.activation import contrast_map, vote_map
from edge_run.voting.vote import decide

from .meter import Meter
from .methods.compiled import probability_of
from .methods.gradcam import grad_cam
from .methods.gradient_shap import gradient_shap
from .methods.regions import shapley
from .parity import compare
from .stored import Made
from .trust import Judged, assess, curves
from .trust.warn import of_originals

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble

    from .meter import Progress
    from .methods.background import Background
    from .methods.gradient_shap import Shap
    from .methods.originals import Originals
    from .settings import Settings

    Maps = dict[str, NDArray[np.float32]]

FORWARD, BACKWARD = 3.0, 9.0
"""What a pass through the originals costs, with and without a backward pass, in answers of the compiled ensemble."""


@dataclass(frozen=True)
class Task:
    """What is asked.

    Attributes
    ----------
    inputs
        ``[1, 1, size, size] uint8``: the network's input.
    given
        Index of the class that is given out.
    label
        Index of the class to explain.
    """

    inputs: NDArray[np.uint8]
    ensemble: Ensemble
    originals: Originals
    given: int
    label: int
    settings: Settings
    seed: int
    background: Background

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """``[size, size] uint8``."""
        pixels: NDArray[np.uint8] = self.inputs[0, 0]
        return pixels


def make(task: Task, progress: Progress) -> Made:
    """Make every part."""
    settings, meter = task.settings, Meter(_costs(task), progress)
    labels = task.ensemble.manifest.task.labels
    answered = _originals(task, meter.part("originals"))
    maps, ensemble_map = _bedside_maps(task)
    grad_cams = _grad_cams(task, meter.part("Grad-CAM"))
    parity = {member_id: compare(maps[member_id], grad_cams[member_id]) for member_id in maps}
    answer = probability_of(task.ensemble, task.label)
    judged = Judged(task.pixels, task.label, answer, ensemble_map, maps, grad_cams)
    drawn = curves(judged, settings, task.seed, meter.part("curves"))
    trust = assess(judged, drawn, task.originals, settings, task.seed, meter.part("trust"))
    differs = of_originals(labels[task.given], labels[_decided(task, answered)], parity)
    regions = None
    if settings.regions:
        regions = shapley(
            answer,
            task.pixels,
            regions=settings.regions,
            permutations=settings.permutations,
            seed=task.seed,
            progress=meter.part("regions"),
        )
    shap = _shap(task, meter.part("SHAP")) if settings.shap_samples else {}
    return Made(
        originals=dict(zip(labels, map(float, answered), strict=True)),
        maps=maps,
        ensemble_map=ensemble_map,
        grad_cams=grad_cams,
        parity=parity,
        shap={member_id: found.attribution for member_id, found in shap.items()},
        completeness={member_id: found.gap for member_id, found in shap.items()},
        regions=regions,
        trust=msgspec.structs.replace(trust, warnings=(*differs, *trust.warnings)),
    )


def _costs(task: Task) -> dict[str, float]:
    """Of each part, in answers of the compiled ensemble."""
    settings, baselines = task.settings, len(task.background.pixels)
    trust = settings.squares * FORWARD + settings.noises * FORWARD + settings.shuffles * 2 * FORWARD
    return {
        "originals": 2 * FORWARD,
        "Grad-CAM": FORWARD,
        "curves": (settings.rankings + 2.0) * settings.steps,
        "trust": trust,
        "regions": float(settings.regions * settings.permutations),
        "SHAP": settings.shap_samples * baselines * BACKWARD,
    }


def _originals(task: Task, progress: Callable[[int, int], None]) -> NDArray[np.float64]:
    for done, member_id in enumerate(task.originals.ids):
        task.originals.member(member_id)
        progress(done + 1, len(task.originals.ids) + 1)
    (probabilities,) = task.originals.probabilities(task.pixels[None])
    return np.asarray(probabilities, dtype=np.float64)


def _decided(task: Task, probabilities: NDArray[np.float64]) -> int:
    asked = task.ensemble.manifest.task
    return int(decide(probabilities, positive=asked.labels.index(asked.positive), threshold=asked.threshold))


def _bedside_maps(task: Task) -> tuple[Maps, NDArray[np.float32]]:
    """What the compiled members look at, and what their vote does."""
    ensemble = task.ensemble
    members = ensemble.manifest.members
    maps = {
        member.id: contrast_map(out.features[0], ensemble.bundle.read_array(member.head), task.label)
        for member, out in zip(members, ensemble.outputs(task.inputs), strict=True)
    }
    temperatures = [member.artefacts[ensemble.precision].temperature for member in members]
    return maps, vote_map(list(maps.values()), [member.weight for member in members], temperatures)


def _grad_cams(task: Task, progress: Callable[[int, int], None]) -> Maps:
    maps = {}
    for done, member_id in enumerate(task.originals.ids):
        maps[member_id] = grad_cam(task.originals.member(member_id), task.pixels, task.label)
        progress(done + 1, len(task.originals.ids))
    return maps


def _shap(task: Task, progress: Callable[[int, int], None]) -> dict[str, Shap]:
    found = {}
    for place, member_id in enumerate(task.originals.ids):
        before, whole = place * len(task.background.pixels), len(task.originals.ids) * len(task.background.pixels)
        found[member_id] = gradient_shap(
            task.originals.member(member_id),
            task.pixels,
            task.label,
            task.background.pixels,
            samples=task.settings.shap_samples,
            seed=task.seed,
            progress=lambda done, _of, before=before, whole=whole: progress(before + done, whole),  # type: ignore[misc]
        )
    return found
