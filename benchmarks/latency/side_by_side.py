"""Members side by side, one thread each, against ONNX Runtime's default sessions one after another.

    python -m benchmarks.latency.side_by_side [BUNDLE] [ROUNDS]

The same INT8 members of the same bundle on the same input, in one process and in turn. Prints the medians over the
rounds and the median of the rounds' ratios.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from benchmarks.interleave import Spread, Stop, interleave, medians, ratios, spread
from edge_run import Bundle, Ensemble
from edge_run.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Callable

PRECISION = "int8-cpu"


def main(bundle: Bundle, rounds: int) -> None:
    """Time both ways in turn and print a table."""
    size = bundle.manifest.preprocess.size
    scan = np.random.default_rng(0).integers(0, 256, (1, 1, size, size), dtype=np.uint8)
    sessions = [
        ort.InferenceSession(bundle.model(member, PRECISION), providers=["CPUExecutionProvider"])
        for member in bundle.manifest.members
    ]
    with Ensemble(bundle, precision=PRECISION) as ensemble:
        ways: dict[str, Callable[[], object]] = {
            "edge-run, side by side": lambda: ensemble.outputs(scan),
            "default sessions, one after another": lambda: [s.run(None, {"scan": scan}) for s in sessions],
        }
        taken = interleave(ways, Stop(rounds, 0.0))
    ours, default = taken.values()
    machine = examine()
    print(f"{machine.cpu}, {machine.cores} cores, onnxruntime {ort.__version__}, {rounds} rounds of 3")
    for name, blocks in taken.items():
        print(f"{name:<38} {_summary(spread(medians(blocks)), '.1f')} ms")
    print(f"{'ratio':<38} {_summary(spread(ratios(default, ours)), '.2f')}")


def _summary(found: Spread, form: str) -> str:
    return f"median {found.median:6{form}}   min {found.least:6{form}}   max {found.most:6{form}}"


if __name__ == "__main__":
    main(
        Bundle(sys.argv[1] if len(sys.argv) > 1 else "ct-covid"),
        int(sys.argv[2]) if len(sys.argv) > 2 else 20,
    )
