"""What ``predict`` and ``watch`` do with each answer: draw its heatmap, log it, write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import EdgeRunError

from .output import Format, Sink, say, unicode
from .output.messages import Warnings
from .records import PREDICTION, Failures, Table, failure, prediction_text
from .records.table import row

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends import Selection
    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Manifest
    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.predict_many import ScanResult
    from edge_run.ensemble.prediction import Features
    from edge_run.scan.dicom.series import Series
    from edge_run.scan.scan import Limits, Scan
    from edge_run.voting.prediction import Prediction

    from ._case_logger import CaseLogger


def open_bundle(bundle: str, backend: str, precision: str | None) -> tuple[Bundle, Selection]:
    """Open a bundle, and begin to read the networks that will be needed while Python imports the rest."""
    from edge_run.backends import Selection
    from edge_run.bundle.bundle import Bundle

    opened = Bundle(bundle)
    selection = Selection(backend, precision, opened.manifest.precisions)
    opened.read_ahead(selection.choice.precision)
    return opened, selection


def decode_limits(seconds: float, mebibytes: int) -> Limits:
    """Return the bounds on reading a scan, with other ones on decoding it: seconds, and MiB of memory."""
    from edge_run.scan.scan import Limits

    return Limits(max_seconds=seconds, max_memory=mebibytes * 2**20)


def prediction_sink(form: Format, manifest: Manifest) -> Sink:
    """Return where the records of scans are written."""
    table = Table(*PREDICTION, manifest.task.labels, [member.id for member in manifest.members])
    return Sink(form, prediction_text, table.columns, row)


def say_intended_use(manifest: Manifest) -> None:
    """Write once for a person what the bundle is for."""
    say(manifest.card.intended_use)


class Answering:
    """Logs answers, writes them, and counts those that failed.

    Parameters
    ----------
    heatmaps
        Folder for a picture of each scan; None draws none.
    """

    def __init__(self, ensemble: Ensemble, log: CaseLogger, sink: Sink, heatmaps: Path | None = None) -> None:
        self._ensemble, self._log, self._sink = ensemble, log, sink
        self.keep_data = log.keep_images
        self.failures = Failures()
        self.draw = _Drawer(ensemble, heatmaps) if heatmaps else None
        self._slices: list[Prediction] = []
        self._places: dict[int, Series] = {}

    @property
    def answered(self) -> int:
        """Inputs that have an answer, or a message why there is none."""
        return self.failures.inputs

    def write(self, result: ScanResult) -> None:
        """Take what became of one scan."""
        self.failures.inputs += result.last
        prediction, error = result.prediction, result.error
        if error is not None:
            self.failures.add(result.input.name, error)
            self._sink.write(failure(result.input.name, error))
        if prediction is None:
            return
        if result.series:
            self._places[len(self._slices)] = result.series
            self._slices.append(prediction)
        case = self._log.append(prediction, result.data)
        record = prediction.to_dict(case=case)
        if self.draw:
            record["heatmap"] = self.draw.path_of(prediction)
        self._sink.write(record)

    def write_series(self) -> None:
        """Answer each series whose slices were answered, see :mod:`edge_run.ensemble.series`."""
        if not self._places:
            return
        from edge_run.ensemble.series import by_series, summarise

        for name, numbers in by_series(self._places).items():
            slices = [self._slices[n] for n in numbers]
            series = summarise([one.decision for one in slices], self._ensemble.manifest.task)
            self._sink.write(series.to_dict(name, [one.path for one in slices]))


class _Drawer:
    """Draws heatmaps into a folder; one that cannot be written is a warning, and the answers go on."""

    def __init__(self, ensemble: Ensemble, folder: Path) -> None:
        from edge_run.heatmap import Heatmap, picture_path

        self._heatmap, self._folder, self._place = Heatmap(ensemble.bundle, ensemble.precision), folder, picture_path
        self._missing, self._warnings = set[str](), Warnings()

    def __call__(self, scan: Scan, prediction: Prediction, features: Features) -> None:
        """Draw one; see ``on_prediction`` of :meth:`edge_run.Ensemble.predict_many`."""
        from edge_run.heatmap import write_picture

        path = self._at(prediction)
        try:
            maps = self._heatmap.maps(features, self._heatmap.label(prediction.decision))
            write_picture(path, self._heatmap.draw(scan.pixels, maps, prediction.decision))
        except EdgeRunError as error:
            self._missing.add(str(path))
            self._warnings("no heatmap", error)

    def path_of(self, prediction: Prediction) -> str | None:
        """Where a prediction's picture is; None where it could not be written."""
        path = str(self._at(prediction))
        return None if path in self._missing else unicode(path)

    def _at(self, prediction: Prediction) -> Path:
        return self._place(self._folder, prediction.path, prediction.scan_sha256)
