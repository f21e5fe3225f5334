"""The loop of ``edge-run watch``: looks at a folder, answers what is ready, and ends when a signal says so."""

from __future__ import annotations

import queue
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from ._interrupt import Interrupted
from .output import say, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.predict_many import ScanResult
    from edge_run.watch.watch import Watch

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Writer(Protocol):
    """What takes the answers, see :class:`edge_run.cli._answering.Answering`."""

    @property
    def keep_data(self) -> bool:
        """Whether the encoded scans are wanted with the answers."""

    @property
    def draw(self) -> Callable[..., None] | None:
        """Is called with each scan's features, see :meth:`edge_run.Ensemble.predict_many`."""

    def write(self, result: ScanResult) -> None:
        """Take one."""


def run(ensemble: Ensemble, folder: Path, state: Path | None, every: float, writer: Writer) -> None:
    """Watch until a signal comes.

    Parameters
    ----------
    state
        File that keeps which scans are answered; one of the user's own by default.
    every
        Seconds between two looks.

    Raises
    ------
    Interrupted
        The signal was Ctrl-C; SIGTERM is the usual end, as a supervisor sends it.
    """
    from edge_run.watch.watch import Watch

    with Watch(folder, state, say, warn) as watch, stop_signals() as signals:
        say(f"watching {folder}; Ctrl-C or SIGTERM ends it after the present scan")
        signal_number = None
        while signal_number is None:
            answer_ready(ensemble, watch, writer, stop=lambda: not signals.empty())
            with suppress(queue.Empty):
                signal_number = signals.get(timeout=every)
    if signal_number == signal.SIGINT:
        raise Interrupted(f"the watch ended; {state or 'its state file'} keeps which scans were answered")


def answer_ready(ensemble: Ensemble, watch: Watch, writer: Writer, *, stop: Callable[[], bool]) -> None:
    """Look once, and answer what is ready, until ``stop`` says so."""
    for result in ensemble.predict_many(watch.poll(), keep_data=writer.keep_data, on_prediction=writer.draw):
        if not watch.is_final(result.input, result.outcome):
            continue
        writer.write(result)
        if result.last:
            # After it is written: what is lost to a kill in between is a mark, not an answer.
            watch.settle(result.input, result.outcome)
            if stop():
                return


@contextmanager
def stop_signals() -> Iterator[queue.SimpleQueue[int]]:
    """Collect the signals that end a watch; a second one ends the process at once."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, _: FrameType | None) -> None:
        # Of all queues and events, only this one may be used where a signal finds the main thread inside it.
        signals.put(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, note)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
