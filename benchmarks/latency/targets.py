"""What the latency of edge-run is to reach on two cores, and whether it does: data, never a failing exit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.interleave import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.interleave import Blocks
    from benchmarks.latency.peers.form import Form

OURS = "edge-run, INT8"


class Target(NamedTuple):
    """A ratio of times, ``slower / faster``.

    Attributes
    ----------
    at_least
        Whether the bound is the least or the most that is wanted.
    """

    what: str
    slower: str
    faster: str
    bound: float
    at_least: bool = True

    def reached(self, found: Spread) -> bool:
        """By the median."""
        return found.median >= self.bound if self.at_least else found.median <= self.bound


TARGETS = (
    Target("OpenVINO INT8 over edge-run INT8", "OpenVINO, INT8", OURS, 1.0),
    Target("PyTorch eager FP32 over edge-run INT8", "PyTorch eager, FP32", OURS, 5.0),
    Target("ONNX Runtime's default INT8 sessions over edge-run INT8", "ONNX Runtime, defaults, INT8", OURS, 3.0),
    Target("edge-run INT8 over the limit of INT8 GEMM", OURS, "limit of GEMM, INT8", 1.5, at_least=False),
    Target("all members over certified exit, mean of real scans", "full", "certified", 1.5),
    Target("PyTorch script over edge-run predict, whole process", "PyTorch script", "edge-run predict", 8.0),
)


def judge(target: Target, taken: Mapping[str, Blocks]) -> Spread | None:
    """Ratio of the two ways round by round; None where one of them was not measured."""
    if not {target.slower, target.faster} <= taken.keys():
        return None
    slower, faster = taken[target.slower], taken[target.faster]
    if target.slower == "full":  # a pass over many scans: what counts is the time of the whole pass
        return spread(np.array([sum(s) / sum(f) for s, f in zip(slower, faster, strict=True)]))
    return spread(ratios(slower, faster))


def scaled(blocks: Blocks, form: Form) -> Blocks:
    """Times of a form, as if it had done the networks' work."""
    return [[ms * form.scale for ms in block] for block in blocks]
