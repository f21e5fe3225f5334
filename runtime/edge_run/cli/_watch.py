"""``edge-run predict --watch``: answers scans as they arrive, until it is told to stop."""

from __future__ import annotations

import queue
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import typer

from .output import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.predict_many import ScanResult
    from edge_run.watch.watch import Watch

STOPPING = (signal.SIGINT, signal.SIGTERM)


def run(
    ensemble: Ensemble,
    folder: Path,
    state: Path | None,
    every: float,
    write: Callable[[ScanResult], None],
    *,
    keep_data: bool = False,
) -> None:
    """Watch until a signal comes.

    Parameters
    ----------
    state
        File that keeps what is answered; one of the user's own by default.
    every
        Seconds between two looks.
    write
        Is given each answer.
    """
    from edge_run.watch.watch import Watch

    with Watch(folder, state, _tell) as watch, _signals() as told:
        _tell(f"watching {folder}; Ctrl-C or SIGTERM ends it after the scan at hand")
        while told.empty():
            answer_ready(ensemble, watch, write, stop=lambda: not told.empty(), keep_data=keep_data)
            with suppress(queue.Empty):
                told.get(timeout=every)
                return


def answer_ready(
    ensemble: Ensemble,
    watch: Watch,
    write: Callable[[ScanResult], None],
    *,
    stop: Callable[[], bool],
    keep_data: bool = False,
) -> None:
    """Look once, and answer what is ready, as far as nobody says stop."""
    for answer in ensemble.predict_many(watch.poll(), keep_data=keep_data):
        if not watch.is_final(answer.input, answer.outcome):
            continue
        write(answer)
        if answer.last:
            # After it is written: what is lost to a kill in between is a mark, not an answer.
            watch.settle(answer.input, answer.outcome)
            if stop():
                return


@contextmanager
def _signals() -> Iterator[queue.SimpleQueue[int]]:
    """Collect the signals that end a watch; a second one ends the process at once."""
    told: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, _: FrameType | None) -> None:
        # Of all queues and events, only this one may be used where a signal finds the main thread inside it.
        told.put(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, note)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(text: str) -> None:
    typer.echo(visible(text), err=True)
