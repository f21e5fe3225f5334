"""The scans that an export needs: to judge it, to calibrate it, and to travel with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import DataError
from edge_train.data.dataset import decode, read_folders

from .calibration import choose_scans
from .reference import CANDIDATES, reference_scans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_train.data.dataset import Dataset
    from edge_train.run import Run


FEATURE_SCANS = 2000


class ValidationScans(NamedTuple):
    """The scans that an artefact is judged on: the split that the run's vote was fitted on.

    Attributes
    ----------
    split
        Its name.
    pixels, targets, groups
        Scans ``[N, H, W] uint8``, classes ``[N]`` and patients ``[N]``.
    positive, threshold
        The operating point, see :func:`edge_run.voting.vote.decide`.
    paths
        Files ``[N]``, from which the scans are read again before they are resized.
    """

    split: str
    pixels: NDArray[np.uint8]
    targets: NDArray[np.int64]
    groups: list[str]
    positive: int
    threshold: float | None
    paths: tuple[Path, ...] = ()


class ExportScans(NamedTuple):
    """All scans of an export.

    Attributes
    ----------
    validation
        See :class:`ValidationScans`.
    calibration, calibration_sha256
        Training scans ``[K, H, W] uint8`` that set the INT8 ranges, and the hashes of their files, sorted.
    reference
        Drawn scans ``[K, 1, H, W] uint8``.
    reference_numbers
        Which drawings they are; empty where that is not known.
    training
        Files whose features describe the training distribution: all training scans, or an even choice of
        `FEATURE_SCANS`. They are read when they are needed, a few at a time.
    """

    validation: ValidationScans
    calibration: NDArray[np.uint8]
    calibration_sha256: tuple[str, ...]
    reference: NDArray[np.uint8]
    training: tuple[Path, ...] = ()
    reference_numbers: tuple[int, ...] = ()


def read_export_scans(run: Run, folders: Sequence[Path], *, calibration_scans: int) -> ExportScans:
    """Read the scans that a run was trained on.

    Parameters
    ----------
    calibration_scans
        How many; 0 where nothing is calibrated.

    Raises
    ------
    DataError
        The folders cannot be read, or hold anything but the scans of the run.
    """
    record = run.record
    # The scans of the run were resized by OpenCV, whose grey levels differ by one between processors; a bundle has one
    # answer everywhere, and is measured on what it will see.
    spec = record.config.preprocess.exact()
    dataset = read_folders(folders, labels=record.labels, seed=record.config.seed)
    if dataset.fingerprint != record.data.fingerprint:
        raise DataError(
            f"these scans are not the ones that the run was trained on ({', '.join(record.data.folders)})",
            hint="give the same folders, unchanged",
        )
    train = dataset.of("train").samples
    picked = choose_scans(train, calibration_scans, seed=record.config.seed)
    calibration = decode([train[i] for i in picked], spec)
    described = choose_scans(train, FEATURE_SCANS, seed=record.config.seed)
    return ExportScans(
        _validation(run, dataset),
        calibration.pixels,
        tuple(sorted(calibration.sha256)),
        reference_scans(spec),
        tuple(train[i].path for i in described),
        tuple(range(CANDIDATES)),
    )


def _validation(run: Run, dataset: Dataset) -> ValidationScans:
    split = run.ensemble.fitted_on
    part = dataset.of(split)
    return ValidationScans(
        split=split,
        pixels=decode(part.samples, run.record.config.preprocess.exact()).pixels,
        targets=part.targets,
        groups=part.groups,
        positive=run.record.labels.index(run.record.positive),
        threshold=run.ensemble.threshold,
        paths=tuple(sample.path for sample in part.samples),
    )
