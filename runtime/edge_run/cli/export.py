"""``edge-run export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options
from ._extras import command_line, need
from .output import print_json


def export(
    run: Annotated[Path, typer.Argument(help="Run directory of edge-run train.")],
    data: Annotated[list[Path], typer.Option("--data", help="Folders the run was trained on: calibration and parity need the scans.")],
    out: Annotated[Path, typer.Option(help="Bundle to write: a folder, or a file ending in .zip.")],
    precision: Annotated[str, typer.Option(help="Comma-separated.")] = "fp32,int8-cpu",
    name: Annotated[str | None, typer.Option(help="Short name; the name of --out by default.")] = None,
    modality: Annotated[str, typer.Option(help="DICOM's term for what the scans are: CT, CR, DX.")] = "CT",
    card: Annotated[Path | None, typer.Option(help="JSON file with the bundle's card: summary, intended_use, limits, licence, training_data.")] = None,
    calibration_scans: Annotated[int, typer.Option(min=1, help="Training scans that set the INT8 ranges.")] = 200,
    as_json: _options.Json = False,
) -> None:  # fmt: skip
    """Compile a run's networks to ONNX, quantise them, compare each with its original, and write a bundle."""
    exporting = need("edge_export", "export")
    manifest = exporting.export(
        run,
        data,
        out,
        precisions=tuple(precision.split(",")),
        name=name,
        modality=modality,
        card=card,
        calibration_scans=calibration_scans,
        command=command_line(),
        say=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        print_json(manifest)
    else:
        typer.echo(out)
