"""Certified early exit against all members, on real scans, pass by pass."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge_run import Ensemble
from edge_run.ensemble.ensemble import CERTIFIED, FULL
from edge_train.data.dataset import decode, read_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from interleave import Blocks
    from numpy.typing import NDArray

    from edge_run import Bundle


def read(folders: Sequence[Path], split: str, bundle: Bundle, most: int | None = None) -> NDArray[np.uint8]:
    """Preprocessed scans of a split, ``[N, 1, size, size]``; evenly drawn where fewer are wanted."""
    samples = read_folders(folders).of(split).samples
    step = 1 if most is None else max(1, len(samples) // most)
    return decode(samples[::step][:most], bundle.manifest.preprocess).pixels[:, None]


def measure(bundle: Bundle, precision: str, scans: NDArray[np.uint8], rounds: int) -> dict[str, Blocks]:
    """Milliseconds of each scan by way, ``[rounds][scans]``; both ways answer a scan before the next comes."""
    taken: dict[str, Blocks] = {FULL: [], CERTIFIED: []}
    with ExitStack() as stack:
        ways = {
            way: stack.enter_context(Ensemble(bundle, precision=precision, backend="cpu", exit=way)) for way in taken
        }
        for ensemble in ways.values():
            ensemble.decide(scans[:1])
        for _ in range(rounds):
            for blocks in taken.values():
                blocks.append([])
            for n in range(len(scans)):
                for way, ensemble in ways.items():
                    begin = time.perf_counter()
                    ensemble.decide(scans[n : n + 1])
                    taken[way][-1].append((time.perf_counter() - begin) * 1e3)
    return taken
