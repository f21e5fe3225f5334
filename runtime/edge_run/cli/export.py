"""``edge-run export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge_run.errors import UsageError

from . import _options
from ._extras import command_line, need
from .output import print_json

if TYPE_CHECKING:
    from collections.abc import Callable


def export(
    run: Annotated[Path, typer.Argument(help="Run directory of edge-run train.")],
    data: Annotated[list[Path], typer.Option("--data", help="Folders the run was trained on: calibration and the gates need the scans.")],
    out: Annotated[Path, typer.Option(help="Bundle to write: a folder, or a file ending in .zip.")],
    precision: Annotated[str, typer.Option(help="Comma-separated: fp32, fp16, int8-cpu, int8-trt, int8-trt-fp16; or all.")] = "fp32,int8-cpu",
    name: Annotated[str | None, typer.Option(help="Short name; the name of --out by default.")] = None,
    modality: Annotated[str, typer.Option(help="DICOM's term for what the scans are: CT, CR, DX.")] = "CT",
    card: Annotated[Path | None, typer.Option(help="JSON file with the bundle's card: summary, intended_use, limits, licence, training_data.")] = None,
    calibration: Annotated[str, typer.Option(help="How scans set the INT8 ranges: minmax, percentile, entropy; best: whichever serves each network best on validation.")] = "minmax",
    calibration_scans: Annotated[int, typer.Option(min=1, help="Training scans that set the INT8 ranges.")] = 200,
    tolerance: Annotated[list[str] | None, typer.Option(help="What the gates accept, FIGURE=VALUE: accuracy=0.01, flips=0.02, ...; may be repeated.")] = None,
    flag_rate: Annotated[float | None, typer.Option(help="Flag at most this share of the validation scans; 0.1 by default.")] = None,
    flag_error: Annotated[float | None, typer.Option(help="Instead: flag so many that, at 95 % confidence, at most this share of patients gets a wrong answer without a flag.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write every figure, tolerance and layer here as JSON, passed or not.")] = None,
    as_json: _options.Json = False,
) -> None:  # fmt: skip
    """Compile a run's networks to ONNX, quantise them, hold each against its original, and write a bundle."""
    exporting = need("edge_export", "export")
    if flag_rate is not None and flag_error is not None:
        raise UsageError("flags are fitted to a rate or to an error, not both", hint="give --flag-rate or --flag-error")
    if report and not report.resolve().parent.is_dir():
        raise UsageError(f"report {report} has no folder to lie in", hint=f"mkdir -p {report.parent}")

    def reported(found: object) -> None:
        if report:
            report.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        if as_json:
            print_json(found)

    exporting.export(
        run,
        data,
        out,
        precisions=exporting.PRECISIONS if precision == "all" else tuple(precision.split(",")),
        name=name,
        modality=modality,
        card=card,
        calibration=calibration,
        calibration_scans=calibration_scans,
        tolerances=_tolerances(tolerance or []),
        flag_target=exporting.Target("error", flag_error)
        if flag_error is not None
        else exporting.Target("rate", 0.1 if flag_rate is None else flag_rate),
        command=command_line(),
        talk=exporting.Reporter(lambda line: typer.echo(line, err=True), _bar()),
        reported=reported,
    )
    if not as_json:
        typer.echo(out)


def _tolerances(words: list[str]) -> dict[str, float]:
    try:
        return {name: float(value) for name, _, value in (word.partition("=") for word in words)}
    except ValueError as error:
        raise UsageError(
            f"--tolerance {' '.join(words)} is not FIGURE=VALUE", hint="--tolerance accuracy=0.01"
        ) from error


def _bar() -> Callable[[str, int, int], None]:
    """A line on stderr that is written over; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return lambda _what, _done, _total: None

    def show(what: str, done: int, total: int) -> None:
        # Erased at the end, so that the next line of talk begins where it did.
        line = f"{what} {done}/{total}" if done < total else ""
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    return show
