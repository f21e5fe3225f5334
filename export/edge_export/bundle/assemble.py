"""CompiledMember members -> the bundle's manifest."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import onnx
import onnxruntime
import onnxscript
import torch

from edge_export.scans.reference import reference_image
from edge_run._version import __version__
from edge_run.bundle.manifest import (
    SCHEMA_VERSION,
    Artefact,
    BundleMember,
    Evaluation,
    Figure,
    Manifest,
    Provenance,
    Quantisation,
    Reference,
    Task,
)
from edge_run.metrics.bootstrap import with_intervals

from .border import border_vote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge_export.flags.flags import Flags
    from edge_export.gate.artefact import Candidate
    from edge_export.gate.compile import CompiledMember, PrecisionVote
    from edge_export.gate.precisions import Recipe
    from edge_export.scans.export_scans import ExportScans, ValidationScans
    from edge_run.bundle.manifest import Card
    from edge_run.bundle.writer import BundleWriter
    from edge_train.run import Run


BEDSIDE = "int8-cpu"


class BundleInfo(NamedTuple):
    """What the user states about a bundle: short name, DICOM modality, card, and the export command."""

    name: str
    modality: str
    card: Card
    command: str


def assemble(
    run: Run,
    info: BundleInfo,
    recipes: Mapping[str, Recipe],
    scans: ExportScans,
    compiled: Sequence[CompiledMember],
    votes: Mapping[str, PrecisionVote],
    stages: tuple[tuple[str, ...], ...],
    flags: Flags,
    writer: BundleWriter,
) -> Manifest:
    """Put the artefacts and the reference scans into the bundle, and describe it."""
    record, ensemble = run.record, run.ensemble
    # The one precision that the bedside takes by default: the control costs another pass over the scans.
    bedside = BEDSIDE if BEDSIDE in votes else next(iter(votes))
    border = border_vote(compiled, bedside, recipes[bedside], scans.validation)
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=info.name,
        task=Task(info.modality, record.labels, record.positive, ensemble.threshold),
        preprocess=record.config.preprocess.exact(),
        members=tuple(_member(c, writer) for c in compiled),
        stages=stages,
        flags=flags.thresholds,
        reference=Reference(
            writer.add("reference/scan.png", reference_image(scans.reference_numbers[0])),
            writer.add_array("reference/scans.npy", scans.reference),
            {precision: recipe.elsewhere for precision, recipe in recipes.items()},
        ),
        parity={precision: voted.parity for precision, voted in votes.items()},
        evaluation={p: evaluation_of(voted.probabilities, scans.validation) for p, voted in votes.items()},
        profile=flags.profiles,
        card=info.card,
        provenance=_provenance(run, scans, info.command),
        border_only=evaluation_of(border, scans.validation),
    )


def _member(compiled: CompiledMember, writer: BundleWriter) -> BundleMember:
    original = compiled.original
    artefacts = {precision: _artefact(made, writer) for precision, made in compiled.artefacts.items()}
    head = writer.add_array(f"models/{original.id}.head.npy", original.head)
    return BundleMember(original.id, original.arch, original.weight, artefacts, head, original.macs)


def _artefact(made: Candidate, writer: BundleWriter) -> Artefact:
    return Artefact(
        file=writer.add(f"models/{made.path.name}", made.path.read_bytes()),
        temperature=made.output.temperature,
        parity=made.parity,
        reference_logits=tuple(tuple(map(float, row)) for row in made.reference),
        quantisation=Quantisation(made.method, made.float_layers) if made.method else None,
    )


def evaluation_of(voted: NDArray[np.float64], validation: ValidationScans) -> Evaluation:
    """Measure a vote ``[N, classes]`` on the validation scans, with 95 % intervals over groups."""
    intervals = with_intervals(
        voted,
        validation.targets,
        validation.groups,
        positive=validation.positive,
        threshold=validation.threshold,
    )
    figures = {name: Figure(i.value, i.low, i.high) for name, i in intervals.items()}
    return Evaluation(validation.split, len(voted), figures)


def _provenance(run: Run, scans: ExportScans, command: str) -> Provenance:
    packages = {"onnx": onnx, "onnxruntime": onnxruntime, "onnxscript": onnxscript, "torch": torch}
    exported_by = {"edge-run": __version__} | {name: str(module.__version__) for name, module in packages.items()}
    return Provenance(
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        train_command=run.record.command,
        export_command=command,
        data_fingerprint=run.record.data.fingerprint,
        weights={m.id: m.sha256 for m in run.record.members},
        calibration=scans.calibration_sha256,
        versions=run.record.versions | {f"{name} (export)": version for name, version in exported_by.items()},
    )
