"""``edge-run predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import _options
from ._interrupt import saying_what_is_kept
from .output import Format, Progress, chosen_format

if TYPE_CHECKING:
    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.scan.inputs import Input

    from ._answering import Answering

FEWEST_FOR_PROGRESS = 8
"""Scans from which on progress is shown."""


def predict(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Scans: files, folders, globs, or - for standard input.")
    ],
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    early_exit: _options.EarlyExit = False,
    decode_seconds: _options.DecodeSeconds = _options.DECODE_SECONDS,
    decode_memory: _options.DecodeMemory = _options.DECODE_MEMORY,
    as_json: _options.Json = False,
    jsonl: _options.Jsonl = False,
    as_csv: _options.Csv = False,
    heatmap: _options.Heatmap = None,
    case_log: _options.CaseLog = None,
    no_case_log: _options.NoCaseLog = False,
    keep_images: _options.KeepImages = False,
    accession: _options.Accession = "",
) -> None:
    """Answer scans with the bundle's calibrated vote.

    One bad file does not stop the others; the exit code is then 3.
    """
    form = chosen_format(json=as_json, jsonl=jsonl, csv=as_csv)
    from ._answering import Answering, decode_limits, open_bundle, prediction_sink, say_intended_use
    from ._case_logger import CaseLogger

    limits = decode_limits(decode_seconds, decode_memory)
    opened, selection = open_bundle(bundle, backend, precision)
    # These bring NumPy, OpenCV and ONNX Runtime; meanwhile the members are read and hashed.
    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.scan.inputs import expand

    with (
        CaseLogger(case_log, wanted=not no_case_log, keep_images=keep_images, accession=accession) as log,
        Ensemble(opened, selection=selection, threads=threads, early_exit=early_exit, limits=limits) as ensemble,
    ):
        inputs = expand(paths)
        sink = prediction_sink(form, ensemble.manifest)
        answering = Answering(ensemble, log, sink, heatmap)
        kept = "; their cases are in the case log" if not no_case_log else ""
        with saying_what_is_kept(lambda: f"{answering.answered} of {len(inputs)} inputs were answered{kept}"), sink:
            _answer(ensemble, inputs, answering)
        if form is Format.TEXT:
            say_intended_use(ensemble.manifest)
    answering.failures.close("inputs could not be answered")


def _answer(ensemble: Ensemble, inputs: list[Input], answering: Answering) -> None:
    results = ensemble.predict_many(inputs, keep_data=answering.keep_data, on_prediction=answering.draw)
    with Progress() as progress:
        for result in results:
            answering.write(result)
            if len(inputs) >= FEWEST_FOR_PROGRESS:
                progress.show("", answering.answered, len(inputs))
    answering.write_series()
