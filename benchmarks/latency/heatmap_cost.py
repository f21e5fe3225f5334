"""What a prediction's maps cost, against the prediction itself.

    python -m benchmarks.latency.heatmap_cost [BUNDLE] [ROUNDS]

The same scan in one process and in turn, round by round, because a machine's speed drifts: preprocessing and every
member's answer; the maps made of it. Drawing is timed too and stands apart: it depends on the scan's size. Prints the
medians over the rounds and the median of the rounds' shares.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from edge_run import Bundle, Ensemble
from edge_run.doctor import examine
from edge_run.heatmap import Heatmap
from edge_run.scan.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 512


def main(bundle: Bundle, rounds: int) -> None:
    """Time the three in turn and print a table."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    with Ensemble(bundle) as ensemble:
        heatmap = Heatmap(bundle, ensemble.precision)
        batch = preprocess(pixels, ensemble.manifest.preprocess)
        decision = ensemble.vote(batch, [pixels])[0].decision
        archs = [member.id for member in ensemble.manifest.members]
        features = {arch: out.features[0] for arch, out in zip(archs, ensemble.outputs(batch), strict=True)}
        label = heatmap.label(decision)
        maps = heatmap.maps(features, label)
        parts: dict[str, Callable[[], object]] = {
            "prediction": lambda: ensemble.predict(pixels),
            "maps": lambda: heatmap.maps(features, label),
            f"drawing {SIDE} x {SIDE}": lambda: heatmap.draw(pixels, maps, decision),
        }
        times: dict[str, list[float]] = {name: [] for name in parts}
        for _ in range(rounds):
            for name, part in parts.items():
                part()
                begin = time.perf_counter()
                part()
                times[name].append((time.perf_counter() - begin) * 1e3)
        machine = examine()
        print(f"{machine.cpu}, {machine.cores} cores, {ensemble.backend}, {ensemble.precision}, {rounds} rounds")
    for name, values in times.items():
        print(
            f"{name:<20} median {statistics.median(values):8.2f} ms   min {min(values):8.2f}   max {max(values):8.2f}"
        )
    shares = [one / whole for one, whole in zip(times["maps"], times["prediction"], strict=True)]
    middle, least, most = statistics.median(shares), min(shares), max(shares)
    print(f"maps / prediction    median {middle:8.2%}      min {least:8.2%}   max {most:8.2%}")


if __name__ == "__main__":
    main(
        Bundle(sys.argv[1] if len(sys.argv) > 1 else "ct-covid"),
        int(sys.argv[2]) if len(sys.argv) > 2 else 20,
    )
