"""``edge-run explain``."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import InputError, UsageError

from . import _options
from ._extras import command_line, need
from ._interrupt import saying_what_is_kept
from .output import Format, Progress, Record, Sink, unicode
from .records import Failures, failure, failure_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_explain import Explanation
    from edge_run.cases import CaseLog
    from edge_run.scan.inputs import Input
    from edge_run.scan.scan import Scan

    from .output import Style

RUN = "Take the originals from this run; not needed where the bundle carries them."
DATA = "Compare with scans of these folders, which the run was trained on; may be repeated."
FLAGGED = "Explain the flagged cases of the case log; PATH... says where their scans may be."
WHAT = "Explanation"


def explain(
    paths: Annotated[list[str] | None, typer.Argument(metavar="CASE|PATH...", help="Scans: files, folders, globs, - for standard input; or ids of cases.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the reports here, one folder for each scan.")] = Path("explanations"),
    run: Annotated[Path | None, typer.Option(metavar="RUN", help=RUN)] = None,
    data: Annotated[list[Path] | None, typer.Option("--data", metavar="DATA", help=DATA, rich_help_panel=WHAT)] = None,
    label: Annotated[str | None, typer.Option(help="Explain this class.  [default: the one that is answered]", rich_help_panel=WHAT)] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help=FLAGGED, rich_help_panel=WHAT)] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out SHAP, regions, infidelity and sensitivity.", rich_help_panel=WHAT)] = False,
    seed: Annotated[int, typer.Option(min=0, help="Draw everything random from this seed.", rich_help_panel=WHAT)] = 0,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write explanations made before.", rich_help_panel=WHAT)] = False,
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    case_log: _options.CaseLog = None,
    as_json: _options.Json = False,
) -> None:  # fmt: skip
    """Explain answers with the PyTorch originals.

    One bad file does not stop the others; the exit code is then 3.
    """
    if not paths and not flagged:
        raise UsageError("nothing to explain is given", hint="edge-run explain PATH... --run RUN; or --flagged")
    explaining, report = need("edge_explain", "explain"), need("edge_explain.report", "explain")
    from edge_run.bundle.bundle import Bundle
    from edge_run.ensemble.ensemble import Ensemble

    opened = Bundle(bundle)
    originals = explaining.of_bundle(opened, run)
    with _cases(case_log, wanted=flagged) as log:
        found = explaining.targets(paths or [], log, flagged=flagged, bundle_sha256=opened.sha256)
    _make(out)
    background = None
    if data and not quick:
        background = explaining.training_scans(explaining.folder_of(opened, run), data, seed=seed)
    settings = {
        "label": label,
        "quick": quick,
        "seed": seed,
        "background": background,
        "cache": None if no_cache or not (folder := explaining.default_folder()) else explaining.Cache(folder),
        "command": _command(paths or []),
    }
    failures = Failures()
    sink = Sink(Format.JSON if as_json else Format.TEXT, _to_text)
    with (
        Ensemble(opened, precision=precision, backend=backend, threads=threads) as ensemble,
        saying_what_is_kept(lambda: f"{failures.inputs} of {len(found)} scans were explained; reports are in {out}"),
        Progress() as progress,
        sink,
    ):
        for number, target in enumerate(found):
            show = partial(_show, progress, number, len(found))
            try:
                for name, scan, folder in _scans(target.given, out / target.folder):
                    explanation = explaining.explain(scan, ensemble, originals, **settings, progress=show)
                    sink.write(_record(name, explanation, report.write(explanation, opened.manifest, folder)))
            except InputError as error:
                sink.write(failure(target.given.name, error))
                failures.add(target.given.name, error)
            failures.inputs += 1
    failures.close("scans could not be explained")


@contextmanager
def _cases(path: Path | None, *, wanted: bool) -> Iterator[CaseLog | None]:
    """Open the case log; None where there is none and none is needed."""
    from edge_run.cases import CaseLog, default_path

    default = default_path()
    if not wanted and path is None and not (default and default.exists()):
        yield None
        return
    with CaseLog.existing(path) as log:
        yield log


def _command(paths: list[str]) -> str:
    """The command without the scans, whose names may be patients'."""
    names = {Path(path).name if "/" in path else path for path in paths}
    return shlex.join(word for word in shlex.split(command_line()) if word not in names)


def _make(out: Path) -> None:
    """Make the folder now: to find out after minutes of work that it cannot be made would be late."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be made: {error.strerror}", hint="give another --out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"{out} may not be written to by this user", hint="give another --out")


def _scans(given: Input, folder: Path) -> list[tuple[str, Scan, Path]]:
    """Name, scan and folder of each frame of an input."""
    from edge_run.scan.read import MAX_BYTES, read_frames

    if given.error is not None:
        raise given.error
    scans = read_frames(sys.stdin.buffer.read(MAX_BYTES + 1) if given.path is None else given.path)
    if len(scans) == 1:
        return [(given.name, scans[0], folder)]
    return [(f"{given.name}#{n}", scan, folder / str(n)) for n, scan in enumerate(scans, 1)]


def _record(name: str, explanation: Explanation, page: Path) -> Record:
    decision = explanation.prediction.decision
    return {
        "path": name,
        "label": decision.label,
        "probability": decision.probability,
        "explained": explanation.label,
        "flags": [{"name": flag.name, "reason": flag.reason} for flag in decision.flags],
        "warnings": list(explanation.trust.warnings),
        "report": unicode(str(page)),
    }


def _to_text(record: Record, style: Style) -> str:
    if "error" in record:
        return failure_text(record, style)
    lines = [
        record["path"],
        (
            f"  {style.verdict(record['label'])}  {style.bold(format(record['probability'], '.1%'))}   "
            f"explained: {record['explained']}"
        ),
    ]
    for flag in record["flags"]:
        lines += [style.caution(line) for line in style.wrapped(f"  flag: {flag['reason']} ({flag['name']})")]
    for warning in record["warnings"]:
        lines += [style.caution(line) for line in style.wrapped(f"  warning: {warning}")]
    return "\n".join([*lines, f"  {record['report']}", ""])


def _show(progress: Progress, before: int, total: int, what: str, share: float) -> None:
    """Show how far all scans are, from how far one of them is."""
    progress.show(what, share if total == 1 else before + share, total)
