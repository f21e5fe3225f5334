"""The scans that GradientShap compares a scan with: training scans, or blurred copies of the scan itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run._files import sha256
from edge_run.errors import DataError
from edge_train.data.dataset import decode, read_folders
from edge_train.run import Run

from .compiled import blurred

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_train.data.dataset import Sample

SCANS = 8
BLURS = (1 / 24, 1 / 12, 1 / 6, 1 / 3)
"""Standard deviations of the blurred copies, as shares of the scan's side: from lost detail to an even grey."""


class Background(NamedTuple):
    """Network inputs to compare with, ``[K, size, size] uint8``, and a phrase that says where they come from."""

    pixels: NDArray[np.uint8]
    origin: str

    @property
    def sha256(self) -> str:
        """Hash of the pixels."""
        return sha256(np.ascontiguousarray(self.pixels).tobytes())


def blurred_copies(pixels: NDArray[np.uint8]) -> Background:
    """Blur a scan more and more, for where no training scans are at hand.

    Parameters
    ----------
    pixels
        ``[size, size] uint8``: the network's input.
    """
    copies = np.stack([blurred(pixels, share) for share in BLURS])
    return Background(copies, f"{len(BLURS)} blurred copies of the scan itself, because no training scans were given")


def training_scans(
    bundle: Bundle, folders: Sequence[Path], run_folder: Path | None = None, *, scans: int = SCANS, seed: int = 0
) -> Background:
    """Draw training scans, evenly by class, and as far as possible each of another patient.

    Parameters
    ----------
    bundle
        The bundle that answers.
    folders
        The folders that its run was trained on.
    run_folder
        The run; by default the folders are compared with what the bundle says of its training scans.
    scans
        How many scans are drawn.
    seed
        Seed of the draw.

    Raises
    ------
    DataError
        The folders cannot be read, or hold other scans than those of the run.
    """
    manifest = bundle.manifest
    fingerprint, split_seed = manifest.provenance.data_fingerprint, 0
    if run_folder is not None:
        record = Run(run_folder).record
        fingerprint, split_seed = record.data.fingerprint, record.config.seed
    dataset = read_folders(folders, labels=manifest.task.labels, seed=split_seed)
    if dataset.fingerprint != fingerprint:
        raise DataError(
            f"these scans are not the ones that the bundle {manifest.name} was trained on",
            hint="give --data the same folders, unchanged"
            + ("" if run_folder else ", and --run where they were split with another --seed"),
        )
    samples = draw_evenly(dataset.of("train").samples, scans, np.random.default_rng(seed))
    pixels = decode(samples, manifest.preprocess).pixels
    return Background(pixels, f"{len(samples)} training scans, evenly by class")


def draw_evenly(samples: Sequence[Sample], count: int, rng: np.random.Generator) -> list[Sample]:
    """Draw one scan of each class in turn, and of a class one of each patient in turn."""
    by_class: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for position in rng.permutation(len(samples)):
        by_class[samples[position].label][samples[position].group].append(samples[position])
    return _in_turn([_in_turn(list(groups.values())) for _, groups in sorted(by_class.items())])[:count]


def _in_turn(queues: Sequence[Sequence[Sample]]) -> list[Sample]:
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
