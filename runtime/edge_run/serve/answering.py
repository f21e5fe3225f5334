"""Answers of a server: read a scan, let the ensemble vote, log the case, return the record of ``predict --json``."""

from __future__ import annotations

import base64
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2

from edge_run.ensemble.predict_many import batch_plan
from edge_run.ensemble.prediction import prediction_of, prepare
from edge_run.errors import BackendError, InputError
from edge_run.heatmap import Heatmap
from edge_run.scan.read import read_bytes
from edge_run.scan.scan import DEFAULT_LIMITS

from .slots import Slots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.prediction import Features, PreparedScan
    from edge_run.heatmap import Maps
    from edge_run.scan.scan import Limits, Scan
    from edge_run.voting.prediction import Prediction

    from .case_writer import CaseWriter

    Gone = Callable[[], Awaitable[bool]]

Record = dict[str, Any]
QUEUE = 16


class Ask(NamedTuple):
    """What a client asks.

    Attributes
    ----------
    data
        The encoded scan.
    name
        What its record calls it; empty where the client gives none. It is never stored.
    early_exit
        Whether members answer stage by stage; None: as the server was started.
    heatmap
        Whether the record brings the picture of the heatmap.
    single
        Whether a file of several frames is refused.
    request
        Hash by which the client may ask for the same answer again; empty: none.
    """

    data: bytes
    name: str = ""
    early_exit: bool | None = None
    heatmap: bool = False
    single: bool = False
    request: str = ""


class Answering:
    """One ensemble, whose answers several clients ask for at once.

    Reading and logging one scan overlap with the networks of another: so there are more slots than calls of the
    networks at a time, which are as many as :meth:`edge_run.Ensemble.predict_many` makes.

    Parameters
    ----------
    cases
        Where answers are logged; None: nowhere.
    queue
        Requests that may wait; the next is refused with 429.
    limits
        Bounds on what one scan may cost.

    Attributes
    ----------
    on_answer
        Called with each prediction that is given, from the threads that predict.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        cases: CaseWriter | None,
        *,
        queue: int = QUEUE,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.ensemble, self.cases, self._limits = ensemble, cases, limits
        at_once = batch_plan(ensemble.backend).at_once
        self.slots = Slots(2 * at_once, queue)
        self._networks = threading.Semaphore(at_once)
        self._heatmap: Heatmap | None = None
        self.on_answer: Callable[[Prediction], None] = lambda _prediction: None

    async def answer(self, ask: Ask | bytes, gone: Gone | None = None, *, patient: bool = False) -> list[Record]:
        """Answer the frames of a scan; the records are those of ``edge-run predict --json``.

        Parameters
        ----------
        gone, patient
            As :meth:`.slots.Slots.run` takes them.

        Raises
        ------
        InputError
            It is no scan that edge-run reads.
        CaseLogError
            An answer could not be logged; it is not given then.
        BackendError, BundleError
            As :meth:`edge_run.Ensemble.predict`.
        BusyError, GoneError
            As :meth:`.slots.Slots.run`.
        """
        ask = ask if isinstance(ask, Ask) else Ask(ask)
        return await self.slots.run(partial(self._answer, ask), gone, patient=patient)

    async def answer_prepared(
        self, scans: Sequence[PreparedScan], gone: Gone | None = None, *, patient: bool = False
    ) -> list[Record]:
        """Answer scans that the client has preprocessed; the quality of what they were made from is not judged.

        Parameters
        ----------
        gone, patient
            As :meth:`.slots.Slots.run` takes them.

        Raises
        ------
        As :meth:`answer`.
        """
        return await self.slots.run(partial(self._answer_prepared, scans), gone, patient=patient)

    async def maps(self, scan: Scan, early_exit: bool | None = None) -> Maps:
        """Answer a scan again, without logging it, and return the maps of its heatmap."""
        _, maps = await self.slots.run(partial(self._mapped, scan, early_exit))
        return maps

    async def picture(self, scan: Scan, early_exit: bool | None = None) -> bytes:
        """Answer a scan again, without logging it, and return the picture of its heatmap as PNG."""
        prediction, maps = await self.slots.run(partial(self._mapped, scan, early_exit))
        return self._draw(scan, prediction, maps)

    def close(self) -> None:
        """Wait for answers that are being made."""
        self.slots.close()

    def _answer(self, ask: Ask) -> list[Record]:
        records = []
        for prepared in self._read(ask):
            prediction, features = self._predict(prepared, ask.early_exit)
            record = prediction.to_dict(case=self._log(prediction, ask.data, ask.request))
            if ask.heatmap:
                maps = self._maps(prediction, features)
                picture = self._draw(prepared.scan, prediction, maps)
                record["heatmap"] = "data:image/png;base64," + base64.b64encode(picture).decode()
            records.append(record)
        return records

    def _answer_prepared(self, scans: Sequence[PreparedScan]) -> list[Record]:
        manifest, records = self.ensemble.manifest, []
        for prepared in scans:
            begin = time.perf_counter()
            with self._networks:
                ((decision, _),) = self.ensemble.vote(prepared.network_input)
            infer_ms = (time.perf_counter() - begin) * 1e3
            prediction = prediction_of(
                prepared, decision, source=self.ensemble.source, task=manifest.task, infer_ms=infer_ms
            )
            records.append(prediction.to_dict(case=self._log(prediction, None)))
        return records

    def _log(self, prediction: Prediction, image: bytes | None, request: str = "") -> str | None:
        case = self.cases.append(prediction, image, request) if self.cases else None
        self.on_answer(prediction)
        return case

    def _mapped(self, scan: Scan, early_exit: bool | None) -> tuple[Prediction, Maps]:
        prepared = prepare("", scan, self.ensemble.manifest.preprocess, 0.0)
        prediction, features = self._predict(prepared, early_exit)
        return prediction, self._maps(prediction, features)

    def _predict(self, prepared: PreparedScan, early_exit: bool | None) -> tuple[Prediction, Features]:
        seen: list[Features] = []
        with self._networks:
            (prediction,) = self.ensemble.predict_prepared(
                [prepared], lambda _scan, _prediction, features: seen.append(features), early_exit=early_exit
            )
        return prediction, seen[0]

    def _maps(self, prediction: Prediction, features: Features) -> Maps:
        heatmap = self._drawer()
        return heatmap.maps(features, heatmap.label(prediction.decision))

    def _draw(self, scan: Scan, prediction: Prediction, maps: Maps) -> bytes:
        picture: NDArray[np.uint8] = self._drawer().draw(scan.pixels, maps, prediction.decision)
        return cv2.imencode(".png", picture)[1].tobytes()

    def _drawer(self) -> Heatmap:
        self._heatmap = self._heatmap or Heatmap(self.ensemble.bundle, self.ensemble.precision)
        return self._heatmap

    def _read(self, ask: Ask) -> list[PreparedScan]:
        begin = time.perf_counter()
        try:
            scans = read_bytes(ask.data, ask.name or "the scan", limits=self._limits, single=ask.single)
        except BackendError as error:
            # A package that would read it is not installed here.
            raise InputError(f"{error.message}.", hint=f"To read it: {error.hint}") from error
        read_ms = (time.perf_counter() - begin) * 1e3 / len(scans)
        spec, several = self.ensemble.manifest.preprocess, len(scans) > 1
        names = [f"{ask.name}#{n}" if several else ask.name for n in range(1, len(scans) + 1)]
        return [prepare(name, scan, spec, read_ms) for name, scan in zip(names, scans, strict=True)]
