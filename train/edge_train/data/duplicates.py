"""Scans that are the same picture again: re-encoded, rescaled, rewindowed, or the next slice barely moved.

Where no patient is known, a random split would put a scan into train and its copy into test. Two measures,
since each misses what the other sees: the 256-bit difference hash (dHash, N. Krawetz 2013), blind to any
rising change of grey levels, and the correlation of 32 x 32 thumbnails, unmoved by noise. Of 3393 CT and
X-ray scans scaled by 0.7 and saved as JPEG of quality 60, the hash finds 91 %, the correlation all; neither
joins two patients of COVID-CT. Most neighbouring slices differ by more: a cluster is not yet a patient.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .decode import read_each
from .tables import listing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .samples import Sample

HAMMING: Final = 10
"""Largest distance of two near-duplicates, bits of 256."""
CORRELATION: Final = 0.96
"""Smallest correlation of two near-duplicates."""
_BLOCK: Final = 1024


def dhash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Difference hash: is each cell of a 16 x 17 grid brighter than its left neighbour.

    Parameters
    ----------
    pixels
        ``[H, W] uint8``.

    Returns
    -------
    ``[256] bool``.
    """
    grid = np.asarray(cv2.resize(pixels, (17, 16), interpolation=cv2.INTER_AREA))
    return np.asarray(grid[:, 1:] > grid[:, :-1]).ravel()


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """32 x 32 thumbnail of mean zero and norm one, so that a dot product is a correlation; zeros if constant.

    Parameters
    ----------
    pixels
        ``[H, W] uint8``.

    Returns
    -------
    ``[1024] float32``.
    """
    small = np.asarray(cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA), np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def clusters(hashes: NDArray[np.bool_], thumbnails: NDArray[np.float32]) -> NDArray[np.int64]:
    """Join what either measure calls near, and what is joined through others.

    Parameters
    ----------
    hashes
        ``[N, 256] bool``.
    thumbnails
        ``[N, 1024] float32``.

    Returns
    -------
    ``[N] int64``, for each scan the smallest index in its cluster.
    """
    count, bits = hashes.shape
    signs = np.where(hashes, np.float32(1), np.float32(-1))
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        # Dot product of signs = bits - 2 x Hamming distance, exact in float32.
        near = signs[rows] @ signs[start:].T >= bits - 2 * HAMMING
        near |= thumbnails[rows] @ thumbnails[start:].T >= CORRELATION
        pairs.append(np.argwhere(np.triu(near, 1)) + start)
    i, j = np.concatenate(pairs).T
    _, component = connected_components(
        coo_array((np.ones(len(i), bool), (i, j)), shape=(count, count)), directed=False
    )
    _, first = np.unique(component, return_index=True)
    return np.asarray(first[component], np.int64)


def near_duplicates(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Read the scans and cluster them: ``[N] int64``, for each the index of the first in its cluster.

    Raises
    ------
    DataError
        Names every file that could not be read, with the reason.
    """
    hashes = np.zeros((len(paths), 256), np.bool_)
    thumbnails = np.zeros((len(paths), 1024), np.float32)
    for position, scan in read_each(paths):
        hashes[position] = dhash(scan.pixels)
        thumbnails[position] = thumbnail(scan.pixels)
    return clusters(hashes, thumbnails)


def same_bytes(samples: Sequence[Sample]) -> list[str]:
    """Warn of the same file in more than one split, or under more than one label."""
    copies: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        copies[sample.sha256].append(sample)
    warnings = []
    for what in ("split", "label"):
        differ = [
            ", ".join(sample.name for sample in same)
            for same in copies.values()
            if len({getattr(sample, what) for sample in same}) > 1
        ]
        if differ:
            warnings.append(f"{len(differ)} images are there again under another {what}:{listing(differ)}")
    return warnings
