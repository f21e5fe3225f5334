"""Certified early exit against all members, on real scans, pass by pass."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.interleave import each_scan
from edge_run import Ensemble
from edge_run.bench.plan import CERTIFIED, FULL
from edge_train.data.dataset import decode, read_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.interleave import Blocks
    from edge_run import Bundle


def read(folders: Sequence[Path], split: str, bundle: Bundle, most: int | None = None) -> NDArray[np.uint8]:
    """Preprocessed scans of a split, ``[N, 1, size, size]``; evenly drawn where fewer are wanted."""
    samples = read_folders(folders).of(split).samples
    step = 1 if most is None else max(1, len(samples) // most)
    return decode(samples[::step][:most], bundle.manifest.preprocess).pixels[:, None]


def measure(bundle: Bundle, precision: str, scans: NDArray[np.uint8], rounds: int) -> dict[str, Blocks]:
    """Milliseconds of each scan with all members and with certified exit, ``[rounds][scans]``."""
    with ExitStack() as stack:
        ensembles = {
            way: stack.enter_context(Ensemble(bundle, precision=precision, backend="cpu", early_exit=way == CERTIFIED))
            for way in (FULL, CERTIFIED)
        }
        return each_scan({way: ensemble.vote for way, ensemble in ensembles.items()}, scans, rounds)
