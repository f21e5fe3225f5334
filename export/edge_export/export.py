"""``edge-run export``: run directory -> bundle."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from edge_run._version import __version__
from edge_run.backends import open_runner
from edge_run.errors import DataError, UsageError
from edge_run.machine import allowed_cores
from edge_run.manifest import (
    SCHEMA_VERSION,
    Artefact,
    BundleMember,
    Card,
    Evaluation,
    Figure,
    FlagThresholds,
    Manifest,
    Parity,
    Provenance,
    Reference,
    Task,
)
from edge_run.vote import softmax, vote
from edge_train.bootstrap import with_intervals
from edge_train.calibrate import fit_temperature
from edge_train.data import decode, read_folders
from edge_train.infer import infer
from edge_train.run import Run

from . import reference
from .calibration import choose_scans
from .parity import compare, run_artefact
from .quantise import quantise_for_cpu
from .to_onnx import multiply_adds, to_onnx
from .writer import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_train.data import Dataset

PRECISIONS = ("fp32", "int8-cpu")
FITTED_ON = "val"


class Material(NamedTuple):
    """What the export is judged and calibrated with.

    Attributes
    ----------
    pixels, targets, groups
        Validation scans ``[N, H, W] uint8``, classes ``[N]`` and patients.
    calibration, calibration_sha256
        Training scans ``[K, H, W] uint8`` and the hashes of their files.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.int64]
    groups: list[str]
    calibration: NDArray[np.uint8]
    calibration_sha256: tuple[str, ...]


class Compiled(NamedTuple):
    """One member: its manifest entry, and validation probabilities ``[N, classes]`` of original and artefacts."""

    entry: BundleMember
    original: NDArray[np.float64]
    artefacts: dict[str, NDArray[np.float64]]


def export(
    run_folder: Path,
    folders: Sequence[Path],
    out: Path,
    *,
    precisions: Sequence[str] = PRECISIONS,
    name: str | None = None,
    modality: str = "CT",
    card: Path | None = None,
    calibration_scans: int = 200,
    command: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Compile every member, compare it with its original on the validation scans, and write a bundle.

    Parameters
    ----------
    folders
        The scans that the run was trained on; another data set is refused.
    precisions
        Of ``fp32`` and ``int8-cpu``.
    card
        JSON of :class:`edge_run.manifest.Card`.

    Raises
    ------
    UsageError
        ``out`` is taken, or a precision is unknown.
    DataError
        The scans are not those of the run.
    """
    unknown = sorted(set(precisions) - set(PRECISIONS))
    if unknown or not precisions:
        raise UsageError(f"precisions {unknown} are unknown", mend=f"choose from {', '.join(PRECISIONS)}")
    run = Run(run_folder)
    described = _card(card, run)
    material = _material(run, folders, calibration_scans)
    with BundleWriter(out) as writer, tempfile.TemporaryDirectory() as scratch:
        compiled = []
        for voter in run.ensemble.members:
            compiled.append(_compile(run, voter.arch, voter.weight, precisions, material, writer, Path(scratch)))
            for precision, artefact in compiled[-1].entry.artefacts.items():
                say(f"{voter.arch} {precision}: {artefact.file.bytes / 1e6:.1f} MB, {in_words(artefact.parity)}")
        manifest = _manifest(run, name or out.stem, modality, described, material, compiled, writer, command)
        for precision, parity in manifest.parity.items():
            say(f"vote {precision}: {in_words(parity)}")
        writer.finish(manifest)
    return manifest


def in_words(parity: Parity) -> str:
    """One line for a person."""
    return (
        f"logits within {parity.max_abs_logit:.2g}, probabilities within {parity.max_abs_probability:.2g}, "
        f"{parity.flips} of {parity.scans} labels differ, accuracy {parity.accuracy:.4f} "
        f"({parity.accuracy - parity.reference_accuracy:+.4f}), AUROC {parity.auroc:.4f} "
        f"({parity.auroc - parity.reference_auroc:+.4f})"
    )


def _material(run: Run, folders: Sequence[Path], calibration_scans: int) -> Material:
    record = run.record
    dataset = read_folders(folders, labels=record.labels, seed=record.config.seed)
    if dataset.fingerprint != record.data.fingerprint:
        raise DataError(
            f"these scans are not the ones that the run was trained on ({', '.join(record.data.folders)})",
            mend="give --data the same folders, unchanged",
        )
    val, train = dataset.of(FITTED_ON), dataset.of("train")
    chosen = choose_scans(train.samples, calibration_scans, seed=record.config.seed)
    calibration = decode([train.samples[i] for i in chosen], record.config.preprocess)
    return Material(_pixels(run, val), val.targets, val.groups, calibration.pixels, tuple(sorted(calibration.sha256)))


def _pixels(run: Run, dataset: Dataset) -> NDArray[np.uint8]:
    return decode(dataset.samples, run.record.config.preprocess).pixels


def _compile(
    run: Run,
    arch: str,
    weight: float,
    precisions: Sequence[str],
    material: Material,
    writer: BundleWriter,
    scratch: Path,
) -> Compiled:
    member = run.member(arch)
    size = run.record.config.preprocess.size
    fp32 = scratch / f"{arch}.fp32.onnx"
    to_onnx(member, fp32, size)
    original = infer(member, material.pixels)
    artefacts: dict[str, Artefact] = {}
    probabilities: dict[str, NDArray[np.float64]] = {}
    for precision in precisions:
        path = scratch / f"{arch}.{precision}.onnx"
        if precision == "int8-cpu":
            quantise_for_cpu(fp32, path, material.calibration)
        artefacts[precision], probabilities[precision] = _artefact(
            run, arch, precision, path.read_bytes(), original, material, writer
        )
    head = writer.add_array(f"models/{arch}.head.npy", member.head.weight.detach().numpy())
    entry = BundleMember(arch, weight, artefacts, head, multiply_adds(fp32, size))
    temperature = next(v.temperature for v in run.ensemble.members if v.arch == arch)
    return Compiled(entry, softmax(original, temperature), probabilities)


def _artefact(
    run: Run,
    arch: str,
    precision: str,
    model: bytes,
    original: NDArray[np.float32],
    material: Material,
    writer: BundleWriter,
) -> tuple[Artefact, NDArray[np.float64]]:
    record, ensemble = run.record, run.ensemble
    spec = record.config.preprocess
    threads = allowed_cores()
    with open_runner("cpu", model, name=f"{arch}.{precision}", size=spec.size, threads=threads) as runner:
        logits = run_artefact(runner, material.pixels)
        answers = runner.run(reference.reference_scans(spec)).logits
    temperature = fit_temperature(logits, material.targets)
    probabilities = softmax(logits, temperature)
    before = next(v.temperature for v in ensemble.members if v.arch == arch)
    parity = compare(
        probabilities,
        softmax(original, before),
        material.targets,
        split=FITTED_ON,
        positive=record.labels.index(record.positive),
        threshold=ensemble.threshold,
        logit_difference=float(np.abs(logits - original).max()),
    )
    file = writer.add(f"models/{arch}.{precision}.onnx", model)
    return Artefact(file, temperature, parity, tuple(tuple(map(float, row)) for row in answers)), probabilities


def _manifest(
    run: Run,
    name: str,
    modality: str,
    card: Card,
    material: Material,
    compiled: Sequence[Compiled],
    writer: BundleWriter,
    command: str,
) -> Manifest:
    record, ensemble = run.record, run.ensemble
    positive = record.labels.index(record.positive)
    weights = [c.entry.weight for c in compiled]
    original = vote(np.stack([c.original for c in compiled]), weights)
    parity, evaluation = {}, {}
    for precision in compiled[0].entry.artefacts:
        voted = vote(np.stack([c.artefacts[precision] for c in compiled]), weights)
        worst = max(c.entry.artefacts[precision].parity.max_abs_logit for c in compiled)
        parity[precision] = compare(
            voted,
            original,
            material.targets,
            split=FITTED_ON,
            positive=positive,
            threshold=ensemble.threshold,
            logit_difference=worst,
        )
        found = with_intervals(
            voted, material.targets, material.groups, positive=positive, threshold=ensemble.threshold
        )
        figures = {figure: Figure(i.value, i.low, i.high) for figure, i in found.items()}
        evaluation[precision] = Evaluation(FITTED_ON, len(voted), figures)
    spec = record.config.preprocess
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=name,
        task=Task(modality, record.labels, record.positive, ensemble.threshold),
        preprocess=spec,
        members=tuple(c.entry for c in compiled),
        flags=FlagThresholds(ensemble.low_confidence, ensemble.flag_rate),
        reference=Reference(
            writer.add("reference/scan.png", reference.reference_image()),
            writer.add_array("reference/scans.npy", reference.reference_scans(spec)),
            {p: reference.TOLERANCE[p] for p in parity},
        ),
        parity=parity,
        evaluation=evaluation,
        card=card,
        provenance=_provenance(run, material, command),
    )


def _provenance(run: Run, material: Material, command: str) -> Provenance:
    return Provenance(
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        train_command=run.record.command,
        export_command=command,
        data_fingerprint=run.record.data.fingerprint,
        weights={m.arch: m.sha256 for m in run.record.members},
        calibration=material.calibration_sha256,
        versions={**run.record.versions, "edge-run (export)": __version__},
    )


def _card(path: Path | None, run: Run) -> Card:
    if path is None:
        return Card(
            summary=f"{', '.join(run.record.labels)}: a vote of {len(run.ensemble.members)} networks.",
            intended_use="Research use only. Not a medical device.",
            limits=("Nobody has described this bundle's limits.",),
            licence="No licence is stated.",
            training_data=run.record.data.folders,
        )
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"card {path} cannot be read: {error}", mend="see docs/bundle.md for its fields") from error
