"""A checked data set together with the pixels that the networks see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .samples import Dataset


class Labelled(NamedTuple):
    """Preprocessed scans ``[N, H, W] uint8`` and their classes ``[N] int64``."""

    pixels: NDArray[np.uint8]
    targets: NDArray[np.int64]


class PreparedData(NamedTuple):
    """A checked data set and its preprocessed pixels, ``[N, size, size] uint8``, in the order of its samples."""

    dataset: Dataset
    pixels: NDArray[np.uint8]

    def part(self, split: str) -> Labelled:
        """Return scans and targets of one split."""
        chosen = np.array([sample.split == split for sample in self.dataset.samples])
        return Labelled(self.pixels[chosen], self.dataset.targets[chosen])
