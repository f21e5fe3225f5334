"""``edge-run predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import InputError, UsageError

from . import _options
from ._caselog import Cases
from ._record import COLUMNS, failure, to_text
from .output import Format, Progress, Sink, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.predict_many import ScanResult
    from edge_run.scan.dicom.series import Series
    from edge_run.scan.read import Scan
    from edge_run.voting.prediction import Decision, Prediction

MANY = 8
"""Scans from which on progress is shown."""


def predict(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Scans: files, folders, globs, or - for standard input.")
    ] = None,
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    exit: _options.Exit = "full",  # noqa: A002 - the option's name
    as_json: _options.Json = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON record per line, as soon as it is known.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, with a header.")] = False,
    watch: Annotated[
        Path | None, typer.Option(help="Answer scans as they arrive in this folder, until Ctrl-C or SIGTERM.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="With --watch: keeps what is answered; in the user's data folder by default.")
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="With --watch: seconds between two looks.")] = 1.0,
    case_log: _options.CaseLog = None,
    no_case_log: Annotated[bool, typer.Option("--no-case-log", help="Keep no record of the answers.")] = False,
    heatmap: Annotated[
        Path | None, typer.Option(help="Folder for a picture of each scan that shows what the answer rests on.")
    ] = None,
    keep_images: Annotated[bool, typer.Option("--keep-images", help="Keep the scans beside the case log.")] = False,
) -> None:
    """Answer scans with the bundle's calibrated vote. One bad file does not stop the others (exit 3)."""
    form = _format(as_json=as_json, jsonl=jsonl, as_csv=as_csv)
    _check(paths, watch, state, heatmap, form)
    from edge_run.backends import Selection
    from edge_run.bundle.bundle import Bundle

    opened = Bundle(bundle)
    selection = Selection(backend, precision, opened.manifest.precisions)
    opened.read_ahead(selection.choice.precision)
    # These bring NumPy, OpenCV and ONNX Runtime; meanwhile the members are read and hashed.
    from edge_run.ensemble.ensemble import Ensemble

    with (
        Cases(case_log, wanted=not no_case_log, keep_images=keep_images) as cases,
        Ensemble(opened, selection=selection, threads=threads, early_exit=exit == "certified") as ensemble,
    ):
        sink = Sink(form, COLUMNS, to_text)
        writer = _Writer(ensemble, cases, sink)
        if watch is not None:
            from . import _watch

            _watch.run(ensemble, watch, state, every, writer.write, keep_data=cases.keep_images)
        else:
            writer.write_all(paths or [], _drawer(ensemble, heatmap) if heatmap else None)
            writer.write_series()
        sink.close()
        if form is Format.TEXT:
            card = ensemble.manifest.card
            typer.echo(visible(f"{card.licence} {card.intended_use}"), err=True)
    if writer.failed and watch is None:
        typer.echo(f"{writer.failed} of {writer.inputs} inputs could not be answered", err=True)
        raise typer.Exit(InputError.exit_code)


def _check(paths: list[str] | None, watch: Path | None, state: Path | None, heatmap: Path | None, form: Format) -> None:
    if bool(paths) == (watch is not None):
        raise UsageError(
            "give either scans or --watch DIR", hint="edge-run predict PATH...; or edge-run predict --watch DIR"
        )
    if watch is None and state is not None:
        raise UsageError("--state belongs to --watch", hint="leave it out")
    if watch is not None and heatmap is not None:
        raise UsageError("--heatmap draws what is given, not what arrives", hint="edge-run predict PATH --heatmap DIR")
    if watch is not None and form is Format.JSON:
        raise UsageError("--json is one document, and a watch has no end", hint="--jsonl")


def _format(*, as_json: bool, jsonl: bool, as_csv: bool) -> Format:
    chosen = [form for form, given in ((Format.JSON, as_json), (Format.JSONL, jsonl), (Format.CSV, as_csv)) if given]
    if len(chosen) > 1:
        raise UsageError("more than one output format is given", hint="keep one of --json, --jsonl, --csv")
    return chosen[0] if chosen else Format.TEXT


class _Writer:
    """Logs answers, writes them, and counts those that failed."""

    def __init__(self, ensemble: Ensemble, cases: Cases, sink: Sink) -> None:
        self._ensemble, self._cases, self._sink = ensemble, cases, sink
        self._answered: list[tuple[str, Decision]] = []
        self._places: dict[int, Series] = {}
        self.inputs = self.failed = 0

    def write_all(self, paths: list[str], draw: Callable[..., None] | None) -> None:
        from edge_run.scan.inputs import expand

        inputs = expand(paths)
        progress = Progress(len(inputs)) if len(inputs) >= MANY else None
        for answer in self._ensemble.predict_many(inputs, keep_data=self._cases.keep_images, on_prediction=draw):
            self.write(answer)
            if progress and answer.last:
                progress.step()

    def write(self, answer: ScanResult) -> None:
        self.inputs += answer.last
        if isinstance(answer.outcome, InputError):
            self.failed += 1
            self._sink.write(failure(answer.input.name, answer.outcome))
        else:
            if answer.series:
                self._places[len(self._answered)] = answer.series
                self._answered.append((answer.outcome.path, answer.outcome.decision))
            case = self._cases.append(answer.outcome, answer.data)
            self._sink.write(answer.outcome.to_dict(case=case))

    def write_series(self) -> None:
        """Answer each series whose slices were answered, see :mod:`edge_run.ensemble.series`."""
        if not self._places:
            return
        from edge_run.ensemble.series import by_series, summarise

        for name, numbers in by_series(self._places).items():
            answer = summarise([self._answered[n][1] for n in numbers], self._ensemble.manifest.task)
            self._sink.write(answer.to_dict(name, [self._answered[n][0] for n in numbers]))


def _drawer(ensemble: Ensemble, folder: Path) -> Callable[..., None]:
    """What draws a scan's heatmap into a folder, see :meth:`edge_run.Ensemble.predict_many`."""
    from edge_run.heatmap import Heatmap, place
    from edge_run.heatmap import write as write_picture

    heat = Heatmap(ensemble.bundle, ensemble.precision)

    def draw(scan: Scan, prediction: Prediction, features: Mapping[str, NDArray[np.float32]]) -> None:
        maps = heat.maps(features, heat.label(prediction.decision))
        picture = heat.draw(scan.pixels, maps, prediction.decision)
        write_picture(place(folder, prediction.path, prediction.scan_sha256), picture)

    return draw
