"""Compiled members -> the bundle's manifest."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
import onnxruntime
import onnxscript
import torch

from edge_run._version import __version__
from edge_run.manifest import (
    SCHEMA_VERSION,
    Evaluation,
    Figure,
    FlagThresholds,
    Manifest,
    Parity,
    Provenance,
    Reference,
    Task,
)
from edge_run.vote import vote
from edge_train.bootstrap import with_intervals

from .parity import compare
from .reference import reference_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_run.manifest import Card
    from edge_train.run import Run

    from .material import Material, Validation
    from .member import Compiled
    from .precisions import Recipe
    from .writer import BundleWriter


class Told(NamedTuple):
    """What only the one who exports knows: short name, DICOM modality, card, and the command that was typed."""

    name: str
    modality: str
    card: Card
    command: str


def assemble(
    run: Run,
    told: Told,
    recipes: Mapping[str, Recipe],
    material: Material,
    compiled: Sequence[Compiled],
    writer: BundleWriter,
) -> Manifest:
    """Describe the bundle, and add the reference scans to it."""
    record, ensemble = run.record, run.ensemble
    votes = {precision: _vote(compiled, precision) for precision in recipes}
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=told.name,
        task=Task(told.modality, record.labels, record.positive, ensemble.threshold),
        preprocess=record.config.preprocess,
        members=tuple(c.entry for c in compiled),
        flags=FlagThresholds(ensemble.low_confidence, ensemble.flag_rate),
        reference=Reference(
            writer.add("reference/scan.png", reference_image()),
            writer.add_array("reference/scans.npy", material.reference),
            {precision: recipe.tolerance for precision, recipe in recipes.items()},
        ),
        parity={p: _parity(compiled, p, voted, material.validation) for p, voted in votes.items()},
        evaluation={p: _evaluation(voted, material.validation) for p, voted in votes.items()},
        card=told.card,
        provenance=_provenance(run, material, told.command),
    )


def _vote(compiled: Sequence[Compiled], precision: str | None) -> NDArray[np.float64]:
    """Validation probabilities ``[N, classes]`` of the vote, of the originals where ``precision`` is None."""
    members = [(c.artefacts[precision] if precision else c.original).probabilities for c in compiled]
    return vote(np.stack(members), [c.entry.weight for c in compiled])


def _parity(compiled: Sequence[Compiled], precision: str, voted: NDArray[np.float64], validation: Validation) -> Parity:
    worst = max(c.entry.artefacts[precision].parity.max_abs_logit for c in compiled)
    return compare(voted, _vote(compiled, None), validation, logit_difference=worst)


def _evaluation(voted: NDArray[np.float64], validation: Validation) -> Evaluation:
    found = with_intervals(
        voted,
        validation.targets,
        validation.groups,
        positive=validation.positive,
        threshold=validation.threshold,
    )
    figures = {name: Figure(i.value, i.low, i.high) for name, i in found.items()}
    return Evaluation(validation.split, len(voted), figures)


def _provenance(run: Run, material: Material, command: str) -> Provenance:
    packages = {"onnx": onnx, "onnxruntime": onnxruntime, "onnxscript": onnxscript, "torch": torch}
    exported_by = {"edge-run": __version__} | {name: str(module.__version__) for name, module in packages.items()}
    return Provenance(
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        train_command=run.record.command,
        export_command=command,
        data_fingerprint=run.record.data.fingerprint,
        weights={m.arch: m.sha256 for m in run.record.members},
        calibration=material.calibration_sha256,
        versions=run.record.versions | {f"{name} (export)": version for name, version in exported_by.items()},
    )
