"""What a scan is compared with by GradientShap: training scans."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.errors import DataError
from edge_train.data.dataset import decode, read_folders
from edge_train.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_train.data.dataset import Sample

SCANS = 8


class Background(NamedTuple):
    """Network inputs to compare with, ``[K, size, size] uint8``, and where they come from, in words."""

    pixels: NDArray[np.uint8]
    origin: str

    @property
    def sha256(self) -> str:
        """Of the pixels."""
        return hashlib.sha256(np.ascontiguousarray(self.pixels).tobytes()).hexdigest()


def training_scans(run_folder: Path, folders: Sequence[Path], *, scans: int = SCANS, seed: int = 0) -> Background:
    """Draw training scans, as many of each class, each of another patient as long as there are others.

    Parameters
    ----------
    run_folder
        The run.
    folders
        What it was trained on.
    scans
        How many.

    Raises
    ------
    DataError
        The folders cannot be read, or hold anything but the scans of the run.
    """
    record = Run(run_folder).record
    dataset = read_folders(folders, labels=record.labels, seed=record.config.seed)
    if dataset.fingerprint != record.data.fingerprint:
        raise DataError(
            f"these scans are not the ones that the run was trained on ({', '.join(record.data.folders)})",
            hint="give --data the same folders, unchanged",
        )
    picked = evenly(dataset.of("train").samples, scans, np.random.default_rng(seed))
    pixels = decode(picked, record.config.preprocess).pixels
    return Background(pixels, f"{len(picked)} training scans, evenly by class")


def evenly(samples: Sequence[Sample], count: int, rng: np.random.Generator) -> list[Sample]:
    """One scan of each class in turn; of a class, one of each patient in turn."""
    by_class: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for position in rng.permutation(len(samples)):
        by_class[samples[position].label][samples[position].group].append(samples[position])
    return _in_turn([_in_turn(list(groups.values())) for _, groups in sorted(by_class.items())])[:count]


def _in_turn(queues: Sequence[Sequence[Sample]]) -> list[Sample]:
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
