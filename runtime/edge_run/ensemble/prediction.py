"""A scan ready for the networks, and the one place where a `Prediction` is made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from edge_run.scan.preprocessing import preprocess
from edge_run.voting.prediction import Prediction

from .dicom_flags import with_dicom_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Task
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_run.scan.scan import Scan
    from edge_run.voting.prediction import Decision, Source

    Features = Mapping[str, NDArray[np.float32]]
    OnPrediction = Callable[[Scan, Prediction, Features], None]


class PreparedScan(NamedTuple):
    """A scan ready for the networks.

    Attributes
    ----------
    name
        What its prediction calls it; empty for arrays and bytes.
    scan
        As it was read.
    network_input
        ``[1, 1, size, size] uint8``.
    read_ms, preprocess_ms
        Milliseconds that decoding and preprocessing took.
    """

    name: str
    scan: Scan
    network_input: NDArray[np.uint8]
    read_ms: float
    preprocess_ms: float


def prepare(name: str, scan: Scan, spec: PreprocessSpec, read_ms: float) -> PreparedScan:
    """Preprocess a scan that took ``read_ms`` milliseconds to read."""
    begin = time.perf_counter()
    network_input = preprocess(scan.pixels, spec)
    return PreparedScan(name, scan, network_input, read_ms, (time.perf_counter() - begin) * 1e3)


def prediction_of(
    prepared: PreparedScan, decision: Decision, *, source: Source, task: Task, infer_ms: float
) -> Prediction:
    """Make the prediction of a scan from the decision on its network input.

    Parameters
    ----------
    infer_ms
        Milliseconds that the networks and the vote took.
    """
    return Prediction(
        path=prepared.name,
        decision=with_dicom_flags(decision, prepared.scan.series, task),
        source=source,
        scan_sha256=prepared.scan.sha256,
        steps=prepared.scan.steps,
        timing_ms={"read": prepared.read_ms, "infer": prepared.preprocess_ms + infer_ms},
    )
