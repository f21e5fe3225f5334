"""The scans of a measurement: the user's, or synthetic ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import UsageError
from edge_run.scan.inputs import expand

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST = 256
SYNTHETIC = 8
SIDE, GRAIN = 512, 32
"""Pixels: the side of most CT slices, and that of the noise which is enlarged to it."""


class Scans(NamedTuple):
    """Paths of scans, the SHA-256 of their SHA-256 sums, and whether edge-run drew them."""

    paths: tuple[str, ...]
    sha256: str
    synthetic: bool

    def window(self, begin: int, most: int) -> tuple[str, ...]:
        """Return at most ``most`` paths from index ``begin`` on, around the end."""
        turned = begin % len(self.paths)
        return (self.paths[turned:] + self.paths[:turned])[:most]


def take(arguments: Sequence[str], folder: Path) -> Scans:
    """Choose the scans, and read each once, so that a bad one is refused before anything is measured.

    Parameters
    ----------
    arguments
        Files, folders and globs; synthetic scans where there are none. Of more than `MOST` scans, every n-th is taken.
    folder
        Folder for synthetic scans.

    Raises
    ------
    InputError
        One of them cannot be read.
    UsageError
        Standard input is among them, which can be read only once.
    """
    from edge_run.scan import read as image

    if not arguments:
        paths = _draw(folder)
    else:
        inputs = expand(arguments)
        for given in inputs:
            if given.error:
                raise given.error
        if any(given.path is None for given in inputs):
            raise UsageError("standard input can be read only once", hint="write the scan to a file")
        step = -(-len(inputs) // MOST)
        paths = [str(given.path) for given in inputs[::step]]
    hashes = "".join(image.read(path).sha256 for path in paths)
    return Scans(tuple(paths), hashlib.sha256(hashes.encode()).hexdigest(), synthetic=not arguments)


def _draw(folder: Path) -> list[str]:
    """Draw smooth noise, the same on every machine up to the rounding of its enlargement."""
    import cv2
    import numpy as np

    paths = [str(folder / f"synthetic{seed}.png") for seed in range(SYNTHETIC)]
    for seed, path in enumerate(paths):
        coarse = np.random.default_rng(seed).integers(0, 256, (GRAIN, GRAIN), dtype=np.uint8)
        cv2.imwrite(path, cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    return paths
