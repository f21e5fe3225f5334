"""A complete series -> its answer -> the case log -> DICOM objects -> the outbox. Every series gets an answer."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import sha256
from edge_run.ensemble.series import by_series, summarise
from edge_run.errors import EdgeRunError, InputError
from edge_run.voting.prediction import Flag

from .deciding import deciding_slices
from .outbox import Answered
from .results import SeriesAnswer, finding_of, result_objects
from .series import MAX_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.predict_many import ScanResult
    from edge_run.ensemble.series import SeriesPrediction
    from edge_run.voting.prediction import Decision, Prediction

    from .counters import Counters
    from .database import Database
    from .inbox import Inbox
    from .outbox import Outbox
    from .recording import Recorder
    from .results import ResultOptions

_log = logging.getLogger(__name__)
CONFLICT = "uid-conflict"
UNREADABLE = "unreadable-slices"
CHANGING = "series-keeps-changing"


class _Slice(NamedTuple):
    """One frame that was answered."""

    path: Path
    prediction: Prediction
    frame: int | None


class Answerer:
    """Answers series, one after another.

    Parameters
    ----------
    recorder
        Logs each answer, and returns what proves it.
    options
        Which objects are made beside report and picture.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        database: Database,
        inbox: Inbox,
        outbox: Outbox,
        recorder: Recorder,
        counters: Counters,
        options: ResultOptions,
    ) -> None:
        self._ensemble, self._database, self._inbox, self._outbox = ensemble, database, inbox, outbox
        self._recorder, self._counters, self._options = recorder, counters, options

    def answer(self, series: str) -> bool:
        """Answer a series as it is now; False where it was answered as it is now before, and nothing is to be sent.

        Raises
        ------
        OSError, sqlite3.Error
            The answer cannot be kept; it is to be tried again.
        InputError
            No file of the series says which study it is of, so that there is nothing to report on.
        """
        begin = time.perf_counter()
        row = self._database.row("SELECT * FROM series WHERE key = ?", (series,))
        if row is None:
            return False
        paths = self._inbox.paths(series)
        inputs = sha256("\n".join(sorted(path.stem for path in paths)).encode())
        last = self._outbox.last_answer(series)
        if last is not None and last["inputs"] == inputs:
            with self._database.writing() as connection:
                connection.execute("UPDATE series SET state = 'answered' WHERE key = ?", (series,))
            return False
        version = row["version"] + 1
        answer = self._predict(paths, version, conflicts=self._inbox.conflicts(series))
        proof = self._recorder.record(answer, [path.stem for path in paths])
        supersedes = last["report_uid"] if last is not None else None
        objects = result_objects(paths, answer, proof, supersedes, self._options)
        self._recorder.made(proof, objects)
        outcome = "failed" if answer.failure else answer.finding.value
        self._outbox.add(Answered(series, version, inputs, outcome, proof.case, row["slices"]), objects)
        self._counters.add("series", outcome, row["peer"])
        seconds = time.perf_counter() - begin
        _log.info(
            "series %s from %s: %d slices answered in %.1f s%s",
            series, row["peer"], answer.slices, seconds, f", version {version}" if version > 1 else "",
        )  # fmt: skip
        return True

    def _predict(self, paths: Sequence[Path], version: int, *, conflicts: int) -> SeriesAnswer:
        """Answer; whatever goes wrong with the networks is an answer, too: a failed one."""
        positive = self._ensemble.manifest.task.positive
        try:
            return self._answer(paths, version, conflicts)
        except EdgeRunError as error:
            return SeriesAnswer.failed(positive, _harmless(error, paths), version=version)
        except Exception as error:  # noqa: BLE001 - silence must mean that the node is down
            # Its words, and those of its trace, may quote an image.
            _log.warning("a series could not be answered: unexpected %s", type(error).__name__)
            return SeriesAnswer.failed(positive, f"unexpected {type(error).__name__}", version=version)

    def _answer(self, paths: Sequence[Path], version: int, conflicts: int) -> SeriesAnswer:
        task = self._ensemble.manifest.task
        results = list(self._ensemble.predict_many(paths))
        slices = _in_order(results)
        unreadable = len({result.input.name for result in results if result.error is not None})
        if not slices:
            first = next((result.error for result in results if result.error is not None), None)
            reason = _harmless(first, paths) if first else "the series holds no image"
            return SeriesAnswer.failed(task.positive, reason, unreadable=unreadable, version=version)
        decisions = [one.prediction.decision for one in slices]
        summary = summarise(decisions, task)
        flags = (*_flags_of(summary, decisions), *_circumstances(unreadable, conflicts, version))
        doubtful = sum(bool(decisions[n].flags) for n in summary.deciding)
        return SeriesAnswer(
            finding=finding_of(summary, task.positive, doubtful),
            positive=task.positive,
            label=summary.label,
            probability=summary.probabilities[task.positive],
            interval=_interval(decisions, task.positive),
            flags=flags,
            deciding=deciding_slices(
                self._ensemble, [(slices[n].path, slices[n].prediction, slices[n].frame) for n in summary.deciding]
            ),
            slices=len(slices),
            decided=len(summary.deciding),
            unreadable=unreadable,
            version=version,
        )


def _in_order(results: Sequence[ScanResult]) -> list[_Slice]:
    """Sort the frames that were answered by their place in the series, as every door does."""
    found: list[_Slice] = []
    places = {}
    for result in results:
        if result.prediction is None or result.input.path is None:
            continue
        if result.series is not None:
            places[len(found)] = result.series
        frame = result.series.frame if result.series is not None else None
        found.append(_Slice(result.input.path, result.prediction, frame))
    orders = list(by_series(places).values())
    return [found[n] for n in orders[0]] if len(orders) == 1 and len(orders[0]) == len(found) else found


def _flags_of(summary: SeriesPrediction, decisions: Sequence[Decision]) -> tuple[Flag, ...]:
    """Flags of the series; of a single image its own, which say more."""
    if len(decisions) > 1:
        return summary.flags
    return decisions[0].flags


def _circumstances(unreadable: int, conflicts: int, version: int) -> list[Flag]:
    flags = []
    if unreadable:
        flags.append(Flag(UNREADABLE, f"{unreadable} images of the series cannot be read"))
    if conflicts:
        flags.append(Flag(CONFLICT, f"{conflicts} images came with different content under one SOP Instance UID"))
    if version > MAX_VERSIONS:
        flags.append(Flag(CHANGING, f"version {version} of the answer: images keep arriving after each"))
    return flags


def _interval(decisions: Sequence[Decision], positive: str) -> tuple[float, float] | None:
    """Bounds of the finding's probability in a single image after an early exit; None of a series or a whole vote."""
    if len(decisions) != 1 or decisions[0].interval is None:
        return None
    low, high = decisions[0].interval
    return (low, high) if decisions[0].label == positive else (1 - high, 1 - low)


def _harmless(error: EdgeRunError | InputError, paths: Sequence[Path]) -> str:
    """Return a message without the paths that it may quote."""
    message = error.message
    for path in paths:
        message = message.replace(str(path), "an image")
    return message
