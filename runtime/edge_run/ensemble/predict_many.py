"""Many scans -> their predictions, in order: reading overlaps inference, and only a few scans are held at a time."""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from edge_run.backends import BACKENDS
from edge_run.errors import BackendError, InputError
from edge_run.machine.cores import allowed_cores
from edge_run.scan.frames import frames_of
from edge_run.scan.inputs import Input
from edge_run.scan.read import read_frames

from .prediction import PreparedScan, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from edge_run.scan.dicom.series import Series
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_run.scan.read import ScanSource
    from edge_run.scan.scan import Limits, Scan
    from edge_run.voting.prediction import Prediction

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class BatchPlan(NamedTuple):
    """How many scans one call of the networks takes, and how many such calls run at once."""

    batch: int
    at_once: int


# benchmarks.latency.throughput measures these. On a CPU a batch saves a few % and makes the first answers late, but
# the members of two scans fill the gaps that those of one leave, above all with early exit, whose stages wait for each
# other. A GPU wants batches, and not every engine may be called twice at once.
ON_CPU, ON_GPU = BatchPlan(1, 2), BatchPlan(8, 1)
MAX_READERS = 8


class ScanResult(NamedTuple):
    """What became of one scan.

    Attributes
    ----------
    input
        What it was read from.
    outcome
        The prediction, whose ``path`` is the input's name, followed by ``#1``, ``#2``, ... where a file holds several
        frames; or why there is none.
    last
        Whether it is the input's last.
    data
        The encoded file, where it is kept on request.
    series
        The scan's place in its series, where the file says.
    """

    input: Input
    outcome: Prediction | InputError
    last: bool = True
    data: bytes | None = None
    series: Series | None = None

    @property
    def prediction(self) -> Prediction | None:
        """The prediction; None where there is none."""
        return None if isinstance(self.outcome, InputError) else self.outcome

    @property
    def error(self) -> InputError | None:
        """Why there is no prediction; None where there is one."""
        return self.outcome if isinstance(self.outcome, InputError) else None


class Reader(NamedTuple):
    """How the inputs are read.

    Attributes
    ----------
    spec
        How scans are preprocessed.
    limits
        Bounds on what reading any one of them may cost.
    keep_data
        Whether each file's bytes are kept with its result.
    """

    spec: PreprocessSpec
    limits: Limits
    keep_data: bool = False


class _Frame(NamedTuple):
    input: Input
    prepared: PreparedScan
    last: bool
    data: bytes | None


def batch_plan(backend: str, batch: int | None = None) -> BatchPlan:
    """Return what is fastest on a backend, or a batch of another size."""
    best = ON_CPU if BACKENDS[backend].on_cpu else ON_GPU
    return best if batch is None else best._replace(batch=batch)


def stream(
    predict: Callable[[Sequence[PreparedScan]], Sequence[Prediction]],
    reader: Reader,
    inputs: Iterable[ScanSource | Input],
    plan: BatchPlan,
    *,
    cancel: Callable[[], None],
) -> Iterator[ScanResult]:
    """Predict many scans; see :meth:`edge_run.Ensemble.predict_many`.

    Parameters
    ----------
    predict
        Called from ``plan.at_once`` threads with ``plan.batch`` scans, fewer at the end or beside unreadable inputs.
    reader
        How inputs are read.
    cancel
        Called on Ctrl-C: ends the calls of ``predict`` that are running.
    """
    readers = min(MAX_READERS, allowed_cores())
    reading = ThreadPoolExecutor(readers, thread_name_prefix="read")
    predicting = ThreadPoolExecutor(plan.at_once, thread_name_prefix="predict")
    try:
        frames = chain.from_iterable(_ahead(reading, partial(_read, reader), inputs, plan.batch + readers))
        # One batch more than there are threads, which then never wait for the next.
        batches = _batches(frames, plan.batch)
        for results in _ahead(predicting, partial(_predict, predict), batches, plan.at_once + 1):
            yield from results
    except KeyboardInterrupt:
        cancel()
        raise
    finally:
        # A reader may wait for standard input that never comes; what runs on the members must end before they close.
        reading.shutdown(wait=False, cancel_futures=True)
        predicting.shutdown(cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[_Item], _Done], items: Iterable[_Item], most: int
) -> Iterator[_Done]:
    """Yield results in the order of the items, of which `most` are in progress at a time."""
    in_progress: deque[Future[_Done]] = deque()
    for item in items:
        in_progress.append(pool.submit(work, item))
        if len(in_progress) == most:
            yield in_progress.popleft().result()
    while in_progress:
        yield in_progress.popleft().result()


def _batches(frames: Iterable[_Frame | ScanResult], size: int) -> Iterator[list[_Frame | ScanResult]]:
    batch: list[_Frame | ScanResult] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _read(reader: Reader, source: ScanSource | Input) -> list[_Frame | ScanResult]:
    """Return the frames of an input, ready for the networks, or the result that it cannot be read."""
    given = _as_input(source)
    begin = time.perf_counter()
    try:
        frames = _frames(given, source, reader.limits)
    except InputError as error:
        return [ScanResult(given, error)]
    except BackendError as error:
        # What this input would need is not installed; the others may not need it.
        return [ScanResult(given, InputError(f"{error.message}.", hint=f"To read it: {error.hint}"))]
    read_ms = (time.perf_counter() - begin) * 1e3 / len(frames)
    return [
        _Frame(given, prepare(name, scan, reader.spec, read_ms), n == len(frames), data if reader.keep_data else None)
        for n, (name, scan, data) in enumerate(frames, 1)
    ]


def _as_input(source: ScanSource | Input) -> Input:
    if isinstance(source, Input):
        return source
    if isinstance(source, str | os.PathLike):
        return Input(str(source), Path(source))
    return Input("", None)


def _frames(given: Input, source: ScanSource | Input, limits: Limits) -> list[tuple[str, Scan, bytes | None]]:
    """Read an input: the name, the pixels and, of a file, the encoded bytes of each frame."""
    if isinstance(source, Input | str | os.PathLike):
        return [(frame.name, frame.scan, frame.data) for frame in frames_of(given, limits=limits)]
    data = source if isinstance(source, bytes) else None
    return [("", scan, data) for scan in read_frames(source, limits=limits)]


def _predict(
    predict: Callable[[Sequence[PreparedScan]], Sequence[Prediction]], batch: list[_Frame | ScanResult]
) -> list[ScanResult]:
    """Predict the frames of a batch together; what is a result already keeps its place."""
    frames = [one for one in batch if isinstance(one, _Frame)]
    predictions = iter(predict([frame.prepared for frame in frames]) if frames else [])
    return [
        ScanResult(one.input, next(predictions), one.last, one.data, one.prepared.scan.series)
        if isinstance(one, _Frame)
        else one
        for one in batch
    ]
