"""Labelled scans -> the pixels the networks see, through the same two functions as at the bedside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_run.errors import DataError, InputError
from edge_run.scan import read as image
from edge_run.scan.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_run.scan.preprocessing import PreprocessSpec

    from .samples import Sample


@dataclass(frozen=True)
class DecodedScans:
    """Decoded scans in the order of their samples.

    Attributes
    ----------
    pixels
        ``[N, size, size] uint8`` grey.
    sha256
        Of each file's bytes, ``[N]``.
    """

    pixels: NDArray[np.uint8]
    sha256: tuple[str, ...]


def read_each(
    paths: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[int, image.Scan]]:
    """Yield each scan with its position; unreadable files are gathered and raised together at the end.

    Raises
    ------
    DataError
        Names every file that could not be read, with the reason.
    """
    unreadable = []
    for position, path in enumerate(paths):
        try:
            scan = image.read(path)
        except InputError as error:
            unreadable.append(f"{path}: {error.message.removeprefix(f'{path} ')}")
        else:
            yield position, scan
        if progress is not None:
            progress(position + 1, len(paths))
    if unreadable:
        raise DataError(
            f"{len(unreadable)} of {len(paths)} files cannot be read:" + "".join(f"\n  {line}" for line in unreadable),
            hint="replace these files, or remove them and their lines in splits.csv",
        )


def decode(
    samples: Sequence[Sample], spec: PreprocessSpec, *, progress: Callable[[int, int], None] | None = None
) -> DecodedScans:
    """Read and resize every sample.

    Parameters
    ----------
    samples
        What to read.
    spec
        Target size and interpolation.
    progress
        Called with (done, total) after each file.

    Raises
    ------
    DataError
        Names every file that could not be read, with the reason.
    """
    pixels = np.empty((len(samples), spec.size, spec.size), np.uint8)
    sha256 = [""] * len(samples)
    for position, scan in read_each([sample.path for sample in samples], progress):
        pixels[position] = preprocess(scan.pixels, spec)[0, 0]
        sha256[position] = scan.sha256
    return DecodedScans(pixels, tuple(sha256))
