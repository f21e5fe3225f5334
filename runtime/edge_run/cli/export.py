"""``edge-run export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge_run.errors import UsageError

from . import _options
from ._choices import EXPORTED_PRECISIONS, SERVED, Calibration, Modality, listed
from ._export_triton import TritonRequest, export_triton
from ._extras import command_line, need
from ._flag_target import PANEL as GATES
from ._flag_target import FlagError, flag_rate_option, flag_target
from ._interrupt import saying_what_is_kept
from .output import Progress, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_run.bundle.bundle import Bundle

MODEL = "Networks"
TRITON = "Repository for NVIDIA Triton"
CALIBRATION = "Set the ranges of INT8 by this method; best takes, for each network, whichever does best on validation."
PRECISION = "Write these precisions, separated by commas: fp32, fp16, int8-cpu, int8-trt, int8-trt-fp16; or all.  [default: fp32,int8-cpu; with --triton one, the backend's best]"
_EVERY = "all"


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN|BUNDLE", help="Run directory of edge-run train; or a bundle whose derivable precisions are to be measured, or that --triton serves.")],
    data: Annotated[list[Path] | None, typer.Argument(metavar="DATA...", help="Folders the run was trained on: calibration and the gates need the scans.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="BUNDLE", help="Write the bundle here: a folder, or a file ending in .zip.")] = None,
    name: Annotated[str | None, typer.Option(help="Call the bundle this.  [default: the name of --out]")] = None,
    modality: Annotated[Modality | None, typer.Option(help="Name what the scans are, in DICOM's term: the bundle flags scans of another.", show_default="CT")] = None,
    card: Annotated[Path | None, typer.Option(metavar="FILE", help="Take the bundle's card from this JSON file: summary, intended_use, limits, licence, training_data.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every figure, tolerance and layer here as JSON, passed or not.")] = None,
    as_json: _options.Json = False,
    precision: Annotated[str | None, typer.Option(help=PRECISION, autocompletion=listed((*EXPORTED_PRECISIONS, _EVERY)), rich_help_panel=MODEL)] = None,
    calibration: Annotated[Calibration, typer.Option(help=CALIBRATION, rich_help_panel=MODEL)] = Calibration.MINMAX,
    calibration_scans: Annotated[int, typer.Option(min=1, help="Set the ranges of INT8 by so many training scans.", rich_help_panel=MODEL)] = 200,
    tolerance: Annotated[list[str] | None, typer.Option(metavar="FIGURE=VALUE", help="Accept this difference: accuracy=0.01, flips=0.02, ...; may be repeated.", rich_help_panel=GATES)] = None,
    flag_rate: Annotated[float | None, flag_rate_option("0.1")] = None,
    flag_error: FlagError = None,
    triton: Annotated[Path | None, typer.Option(metavar="REPO", help="Write a bundle's model repository here instead; takes no DATA and no --out.", rich_help_panel=TRITON)] = None,
    merged: Annotated[bool, typer.Option("--merged", help="Join members and vote in one ONNX file, for KServe and OpenVINO Model Server too.", rich_help_panel=TRITON)] = False,
    early_exit: Annotated[bool, typer.Option("--early-exit", help="Add a model that stops as soon as the members that are left cannot change the label or a flag.", rich_help_panel=TRITON)] = False,
    backend: Annotated[str, typer.Option(help="Serve on this: cpu or cuda by ONNX Runtime, tensorrt with the engines of edge-run compile.", autocompletion=listed(SERVED), rich_help_panel=TRITON)] = "cpu",
    instances: Annotated[int, typer.Option(min=1, help="Let so many copies of each member work at the same time.", rich_help_panel=TRITON)] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Give each copy so many threads on the CPU.", rich_help_panel=TRITON)] = 1,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Answer so many scans at once at most.", rich_help_panel=TRITON)] = 8,
    timeout: Annotated[float, typer.Option(min=0.001, help="Refuse a request that waits longer than so many seconds.", rich_help_panel=TRITON)] = 2.0,
) -> None:  # fmt: skip
    """Compile a run's networks to ONNX and write a bundle.

    Each is quantised where its precision asks for it, and compared with its original; the exit code is 6 where one
    differs by more than is accepted. With --triton, write a bundle's model repository for NVIDIA Triton instead.
    """
    if triton is not None:
        gates = {"tolerance": tolerance, "flag-rate": flag_rate, "flag-error": flag_error}
        _refuse_for_triton({"DATA": data, "out": out, "modality": modality, "card": card, "report": report, **gates})
        request = TritonRequest(name, backend, precision, instances, threads, batch, timeout, early_exit, merged)
        export_triton(run, triton, request, as_json=as_json)
        return
    if merged or early_exit:
        raise UsageError("--merged and --early-exit belong to --triton", hint="edge-run export BUNDLE --triton REPO")
    data, out = _data_and_place(data, out, report)
    exporting = need("edge_export", "export")
    # The package imports its parts, and with them PyTorch, when they are first used: it may be missing here.
    need("edge_export.derived", "export")
    settings = {
        "tolerances": _tolerances(tolerance or []),
        "flag_target": flag_target(flag_rate, flag_error) or exporting.Target(),
    }
    chosen = precision or "fp32,int8-cpu"
    precisions = exporting.PRECISIONS if chosen == _EVERY else tuple(chosen.split(","))
    with saying_what_is_kept(lambda: "nothing was written"), Progress() as progress:
        settings["reporter"] = exporting.Reporter(say, progress.show)
        if not (run / "run.json").exists() and (bundle := _bundle(run)) is not None:
            forms = [form for form in precisions if form != exporting.STORED]
            exporting.add_derived_forms(bundle, data, out, forms=forms, **settings)
        else:
            if modality is None:
                say("note: the bundle is for CT; --modality CR or DX makes one for radiographs")
            about = {"name": name, "modality": (modality or Modality.CT).value, "card": card, "command": command_line()}
            calibrated = {"calibration": calibration.value, "calibration_scans": calibration_scans}
            reported = _writing(report, as_json=as_json)
            exporting.export(
                run, data, out, precisions=precisions, reported=reported, **about, **calibrated, **settings
            )
    if not as_json:
        typer.echo(out)


def _data_and_place(data: list[Path] | None, out: Path | None, report: Path | None) -> tuple[list[Path], Path]:
    """Refuse, before hours of compiling, an export without scans, or with no place to write to."""
    if not data or out is None:
        raise UsageError(
            "a bundle is written from DATA to --out BUNDLE",
            hint="edge-run export RUN DATA --out BUNDLE, or edge-run export BUNDLE --triton REPO",
        )
    if report and not report.resolve().parent.is_dir():
        raise UsageError(f"report {report} has no folder to lie in", hint=f"mkdir -p {report.parent}")
    return data, out


def _writing(report: Path | None, *, as_json: bool) -> Callable[[object], None]:
    """Return what receives the report of an export."""

    def reported(found: object) -> None:
        if report:
            report.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        if as_json:
            print_json(found)

    return reported


def _refuse_for_triton(given: dict[str, object]) -> None:
    """Refuse what is asked of a run's export while a repository is asked for: it would have no effect."""
    names = [name if name.isupper() else f"--{name}" for name, value in given.items() if value is not None]
    if names:
        raise UsageError(
            f"--triton takes no {', '.join(names)}: a repository is written from a bundle alone",
            hint="edge-run export BUNDLE --triton REPO",
        )


def _bundle(path: Path) -> Bundle | None:
    """Open a bundle by its path or name; None where it is none, so that the error speaks of a run."""
    from edge_run.bundle.bundle import Bundle
    from edge_run.errors import BundleError

    try:
        return Bundle(path)
    except BundleError:
        return None


def _tolerances(words: list[str]) -> dict[str, float]:
    try:
        return {name: float(value) for name, _, value in (word.partition("=") for word in words)}
    except ValueError as error:
        raise UsageError(
            f"--tolerance {' '.join(words)} is not FIGURE=VALUE", hint="--tolerance accuracy=0.01"
        ) from error
