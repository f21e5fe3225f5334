"""The scans of a measurement: those that are given, or drawings."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import UsageError
from edge_run.scan.inputs import expand

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST = 256
DRAWN = 8
SIDE, GRAIN = 512, 32
"""Pixels: a side as most CT slices have, enlarged from noise of fewer."""


class Scans(NamedTuple):
    """Files, a hash of their hashes, and whether edge-run drew them."""

    paths: tuple[str, ...]
    sha256: str
    drawn: bool

    def window(self, begin: int, most: int) -> tuple[str, ...]:
        """At most so many of them, from a place on, as if they stood in a circle."""
        turned = begin % len(self.paths)
        return (self.paths[turned:] + self.paths[:turned])[:most]


def take(arguments: Sequence[str], folder: Path) -> Scans:
    """Read each scan once, so that a bad one is found before anything is measured.

    Parameters
    ----------
    arguments
        Files, folders and globs; none: scans are drawn. Of more than `MOST`, as many are taken, evenly.
    folder
        Where drawings are written.

    Raises
    ------
    InputError
        One of them cannot be read.
    UsageError
        Standard input, which can be read only once.
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
    return Scans(tuple(paths), hashlib.sha256(hashes.encode()).hexdigest(), drawn=not arguments)


def _draw(folder: Path) -> list[str]:
    """Smooth noise, the same on every machine up to the rounding of its enlargement."""
    import cv2
    import numpy as np

    paths = [str(folder / f"drawn{seed}.png") for seed in range(DRAWN)]
    for seed, path in enumerate(paths):
        coarse = np.random.default_rng(seed).integers(0, 256, (GRAIN, GRAIN), dtype=np.uint8)
        cv2.imwrite(path, cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    return paths
