"""``edge-run explain``."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import InputError, UsageError

from . import _options
from ._extras import command_line, need
from ._record import failure, to_text
from .output import Format, Record, Sink, bar, unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_explain import Explanation
    from edge_run.cases import CaseLog
    from edge_run.scan.inputs import Input
    from edge_run.scan.read import Scan

COLUMNS = ("path", "label", "probability", "explained", "flags", "warnings", "report", "error.kind", "error.message")
RUN = "Run that the bundle was exported from; not needed where the bundle carries its originals."


def explain(
    paths: Annotated[list[str] | None, typer.Argument(help="Scans: files, folders, globs, - for standard input; or ids of cases.")] = None,
    run: Annotated[Path | None, typer.Option(help=RUN)] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports, one folder for each scan.")] = Path("explanations"),
    bundle: _options.Bundle = "ct-covid",
    data: Annotated[list[Path] | None, typer.Option("--data", help="Folders the run was trained on: SHAP then compares with training scans.")] = None,
    label: Annotated[str | None, typer.Option(help="Class to explain; the one that is given out by default.")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Explain the flagged cases of the case log; PATHs say where their scans may be.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Without SHAP, regions, infidelity and sensitivity.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn by chance.")] = 0,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write explanations made before.")] = False,
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    case_log: _options.CaseLog = None,
    as_json: _options.Json = False,
) -> None:  # fmt: skip
    """Explain answers with the PyTorch originals. One bad file does not stop the others (exit 3)."""
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
    sink, failed = Sink(Format.JSON if as_json else Format.TEXT, COLUMNS, _to_text), 0
    with Ensemble(opened, precision=precision, backend=backend, threads=threads) as ensemble:
        for number, target in enumerate(found):
            try:
                for name, scan, folder in _scans(target.given, out / target.folder):
                    told = _progress(number, len(found))
                    explanation = explaining.explain(scan, ensemble, originals, **settings, progress=told)
                    sink.write(_record(name, explanation, report.write(explanation, opened.manifest, folder)))
            except InputError as error:
                sink.write(failure(target.given.name, error))
                failed += 1
    sink.close()
    if failed:
        typer.echo(f"{failed} of {len(found)} scans could not be explained", err=True)
        raise typer.Exit(InputError.exit_code)


@contextmanager
def _cases(path: Path | None, *, wanted: bool) -> Iterator[CaseLog | None]:
    """The case log; None where there is none and none is asked for."""
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


def _to_text(record: Record) -> str:
    if "error" in record:
        return to_text(record)
    lines = [record["path"], f"  {record['label']}  {record['probability']:.1%}   explained: {record['explained']}"]
    lines += [f"  flag: {flag['reason']} ({flag['name']})" for flag in record["flags"]]
    lines += [f"  warning: {warning}" for warning in record["warnings"]]
    return "\n".join([*lines, f"  {record['report']}\n"])


def _progress(before: int, of: int) -> Callable[[str, float], None]:
    """A bar on stderr for all scans; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return lambda _what, _share: None

    def show(what: str, share: float) -> None:
        line = f"{bar((before + share) / of, 30)} {before}/{of}  {what}" if share < 1 else ""
        # Erased at the end, so that the record begins where it did.
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    return show
