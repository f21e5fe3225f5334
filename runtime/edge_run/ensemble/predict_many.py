"""Many scans -> their answers, in order: reading overlaps inference, and only a few scans are held at a time."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from edge_run.errors import BackendError, InputError
from edge_run.machine.cores import allowed_cores
from edge_run.scan.frames import frames_of
from edge_run.scan.preprocessing import preprocess
from edge_run.voting.prediction import Prediction

from .series import placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from edge_run.scan.dicom.series import Series
    from edge_run.scan.inputs import Input
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_run.scan.scan import Scan

    from .ensemble import Ensemble

    Features = Mapping[str, NDArray[np.float32]]

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class Pace(NamedTuple):
    """How many scans a call of the networks takes, and how many such calls are under way at once."""

    batch: int
    at_once: int


# benchmarks.latency.throughput measures these. On a CPU a batch saves a few % and makes the first answers late, but
# the members of two scans fill the gaps that those of one leave, above all with certified exit, whose stages wait for
# each other. A GPU wants batches, and not every engine may be called twice at once.
ON_CPU, ON_GPU = Pace(1, 2), Pace(8, 1)
MOST_READERS = 8


class Answer(NamedTuple):
    """What became of one scan.

    Attributes
    ----------
    given
        The input it came from.
    outcome
        The answer, whose ``path`` is the input's name, followed by ``#1``, ``#2``, ... where a file holds several
        frames; or why there is none.
    last
        Whether it is the input's last.
    data
        The encoded file that was read, where it was asked for.
    series
        The scan's place in its series, where the file says.
    """

    given: Input
    outcome: Prediction | InputError
    last: bool = True
    data: bytes | None = None
    series: Series | None = None


class _Frame(NamedTuple):
    given: Input
    name: str
    scan: Scan
    prepared: NDArray[np.uint8]
    times_ms: tuple[float, float]  # reading, preprocessing
    last: bool
    data: bytes | None


def pace(ensemble: Ensemble, batch: int | None = None) -> Pace:
    """What is fastest on the ensemble's backend, or a batch of another size."""
    best = ON_CPU if ensemble.backend in ("cpu", "openvino") else ON_GPU
    return best if batch is None else best._replace(batch=batch)


def answers(
    ensemble: Ensemble,
    inputs: Iterable[Input],
    *,
    batch: int | None = None,
    keep_data: bool = False,
    seen: Callable[[Scan, Prediction, Features], None] | None = None,
) -> Iterator[Answer]:
    """Answer many scans.

    Parameters
    ----------
    inputs
        Taken as they are needed, a few ahead of the answers.
    batch
        Scans in one call of the networks; what is fastest on the backend by default.
    keep_data
        Hand on the encoded files.
    seen
        Is shown each scan with its answer and the features of the members that gave it, in no fixed order, from the
        threads that decide.

    Yields
    ------
    Answers in the order of the inputs. An input that cannot be read is one of them, and stops no other.

    Raises
    ------
    BackendError, BundleError
        As :meth:`edge_run.Ensemble.decide`.
    """
    size, at_once = pace(ensemble, batch)
    readers = min(MOST_READERS, allowed_cores())
    reading = ThreadPoolExecutor(readers, thread_name_prefix="read")
    deciding = ThreadPoolExecutor(at_once, thread_name_prefix="decide")
    read = partial(_read, ensemble.manifest.preprocess, keep_data)
    try:
        frames = chain.from_iterable(_ahead(reading, read, inputs, size + readers))
        # One lot more than there are threads, which then never wait for the next.
        for answered in _ahead(deciding, partial(_decide, ensemble, seen), _lots(frames, size), at_once + 1):
            yield from answered
    finally:
        # A reader may wait for standard input that never comes; what runs on the members must end before they close.
        reading.shutdown(wait=False, cancel_futures=True)
        deciding.shutdown(cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[_Item], _Done], items: Iterable[_Item], most: int
) -> Iterator[_Done]:
    """Results in the order of the items, of which `most` are under way at a time."""
    under_way: deque[Future[_Done]] = deque()
    for item in items:
        under_way.append(pool.submit(work, item))
        if len(under_way) == most:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _lots(frames: Iterable[_Frame | Answer], size: int) -> Iterator[list[_Frame | Answer]]:
    lot: list[_Frame | Answer] = []
    for frame in frames:
        lot.append(frame)
        if len(lot) == size:
            yield lot
            lot = []
    if lot:
        yield lot


def _read(spec: PreprocessSpec, keep_data: bool, given: Input) -> list[_Frame | Answer]:
    """Frames of an input, ready for the networks, or the answer that it cannot be read."""
    begin = time.perf_counter()
    try:
        frames = list(frames_of(given))
    except InputError as error:
        return [Answer(given, error)]
    except BackendError as error:
        # What this input would need is not installed; the others may not need it.
        return [Answer(given, InputError(f"{error.message}.", hint=f"To read it: {error.hint}"))]
    read_ms = (time.perf_counter() - begin) * 1e3 / len(frames)
    ready: list[_Frame | Answer] = []
    for frame in frames:
        begin = time.perf_counter()
        prepared = preprocess(frame.scan.pixels, spec)
        times = (read_ms, (time.perf_counter() - begin) * 1e3)
        data = frame.data if keep_data else None
        ready.append(_Frame(given, frame.name, frame.scan, prepared, times, frame.last, data))
    return ready


def _decide(
    ensemble: Ensemble, seen: Callable[[Scan, Prediction, Features], None] | None, lot: list[_Frame | Answer]
) -> list[Answer]:
    """Answer the frames of a lot together; what is an answer already stays where it is."""
    frames = [one for one in lot if isinstance(one, _Frame)]
    begin = time.perf_counter()
    decisions = (
        ensemble.answer(np.concatenate([f.prepared for f in frames]), [f.scan.pixels for f in frames]) if frames else []
    )
    infer_ms = (time.perf_counter() - begin) * 1e3 / max(1, len(frames))
    source, decided = ensemble.source, iter(decisions)
    done: list[Answer] = []
    for one in lot:
        if isinstance(one, _Frame):
            read_ms, prepare_ms = one.times_ms
            times = {"read": read_ms, "infer": prepare_ms + infer_ms}
            answered, features = next(decided)
            decision = placed(answered, one.scan.series, ensemble.manifest.task)
            said = Prediction(one.name, decision, source, one.scan.sha256, one.scan.steps, times)
            if seen:
                seen(one.scan, said, features)
            done.append(Answer(one.given, said, one.last, one.data, one.scan.series))
        else:
            done.append(one)
    return done
