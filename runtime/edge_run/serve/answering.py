"""Answers of a server: read a scan, let the ensemble vote, log the case, return the record of ``predict --json``."""

from __future__ import annotations

import base64
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2

from edge_run.ensemble.predict_many import batch_plan
from edge_run.ensemble.prediction import prepare
from edge_run.errors import BackendError, InputError
from edge_run.heatmap import Heatmap
from edge_run.scan.read import read_bytes

from .slots import Slots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble, Features
    from edge_run.ensemble.prediction import PreparedScan
    from edge_run.scan.scan import Scan
    from edge_run.voting.prediction import Prediction

    from .case_writer import CaseWriter

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
    """

    data: bytes
    name: str = ""
    early_exit: bool | None = None
    heatmap: bool = False


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
    """

    def __init__(self, ensemble: Ensemble, cases: CaseWriter | None, *, queue: int = QUEUE) -> None:
        self.ensemble, self.cases = ensemble, cases
        at_once = batch_plan(ensemble.backend).at_once
        self.slots = Slots(2 * at_once, queue)
        self._networks = threading.Semaphore(at_once)
        self._heatmap: Heatmap | None = None

    async def answer(self, ask: Ask | bytes, gone: Callable[[], Awaitable[bool]] | None = None) -> list[Record]:
        """Answer the frames of a scan; the records are those of ``edge-run predict --json``.

        Parameters
        ----------
        gone
            Whether the client has left; asked when its turn comes.

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
        return await self.slots.run(partial(self._answer, ask), gone)

    def close(self) -> None:
        """Wait for answers that are being made."""
        self.slots.close()

    def _answer(self, ask: Ask) -> list[Record]:
        return [self._logged(prediction, ask, picture) for prediction, picture in self._predictions(ask)]

    def _logged(self, prediction: Prediction, ask: Ask, picture: bytes | None) -> Record:
        case = self.cases.append(prediction, ask.data) if self.cases else None
        record = prediction.to_dict(case=case)
        if picture is not None:
            record["heatmap"] = "data:image/png;base64," + base64.b64encode(picture).decode()
        return record

    def _predictions(self, ask: Ask) -> list[tuple[Prediction, bytes | None]]:
        drawn: list[bytes] = []

        def draw(scan: Scan, prediction: Prediction, features: Features) -> None:
            drawn.append(self.draw(scan.pixels, prediction, features))

        found = []
        for prepared in self._read(ask):
            with self._networks:
                (prediction,) = self.ensemble.predict_prepared(
                    [prepared], draw if ask.heatmap else None, early_exit=ask.early_exit
                )
            found.append((prediction, drawn.pop() if drawn else None))
        return found

    def draw(self, pixels: NDArray[np.uint8], prediction: Prediction, features: Features) -> bytes:
        """Return the picture of a prediction's heatmap as PNG.

        Parameters
        ----------
        pixels
            ``[H, W] uint8``: the scan.
        features
            ``[width, h, w] float32`` by member.
        """
        heatmap = self._heatmap = self._heatmap or Heatmap(self.ensemble.bundle, self.ensemble.precision)
        maps = heatmap.maps(features, heatmap.label(prediction.decision))
        return cv2.imencode(".png", heatmap.draw(pixels, maps, prediction.decision))[1].tobytes()

    def _read(self, ask: Ask) -> list[PreparedScan]:
        begin = time.perf_counter()
        try:
            scans = read_bytes(ask.data, ask.name or "the scan")
        except BackendError as error:
            # A package that would read it is not installed here.
            raise InputError(f"{error.message}.", hint=f"To read it: {error.hint}") from error
        read_ms = (time.perf_counter() - begin) * 1e3 / len(scans)
        spec, several = self.ensemble.manifest.preprocess, len(scans) > 1
        names = [f"{ask.name}#{n}" if several else ask.name for n in range(1, len(scans) + 1)]
        return [prepare(name, scan, spec, read_ms) for name, scan in zip(names, scans, strict=True)]
