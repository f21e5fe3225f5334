"""``edge-run explain``."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run._files import make_folder
from edge_run.errors import InputError, UsageError

from . import _options
from ._extras import command_line, need
from ._interrupt import saying_what_is_kept
from .output import Format, Progress, Record, Sink, say, unicode
from .records import Failures, failure, failure_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from edge_explain import Explanation, FoundScan
    from edge_explain.report import IndexEntry
    from edge_run.bundle.manifest import Manifest
    from edge_run.cases import CaseLog
    from edge_run.scan.frames import Frame

    from .output import Style

RUN = "Take the originals from this run; without it they are rebuilt from the bundle."
DATA = "Compare with scans of these folders, which the run was trained on; may be repeated."
FLAGGED = "Explain the flagged cases of the case log; PATH... says where their scans may be."
WHAT = "Explanation"


def explain(
    paths: Annotated[list[str] | None, typer.Argument(metavar="CASE|PATH...", help="Scans: files, folders, globs, - for standard input; or ids of cases.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the reports here, one folder for each scan.")] = Path("explanations"),
    run: Annotated[Path | None, typer.Option(metavar="RUN", help=RUN)] = None,
    data: Annotated[list[Path] | None, typer.Option("--data", metavar="DATA", help=DATA, rich_help_panel=WHAT)] = None,
    label: Annotated[str | None, typer.Option(help="Explain this class, of three or more.  [default: the answered one; of two, the positive one]", rich_help_panel=WHAT)] = None,
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
        raise UsageError("nothing to explain is given", hint="edge-run explain PATH...; or --flagged")
    explaining, report = need("edge_explain", "explain"), need("edge_explain.report", "explain")
    from edge_run.bundle.bundle import Bundle
    from edge_run.ensemble.ensemble import Ensemble

    opened = Bundle(bundle)
    originals = explaining.load_originals(opened, run)
    with _cases(case_log, wanted=flagged) as log:
        found = explaining.find_scans(paths or [], log, flagged=flagged, bundle_sha256=opened.sha256)
    _make(out)
    background = None
    if data and not quick:
        background = explaining.training_scans(opened, data, run, seed=seed)
    settings = {
        "label": label,
        "quick": quick,
        "seed": seed,
        "background": background,
        "cache": None if no_cache or not (folder := explaining.default_folder()) else explaining.Cache(folder),
        "command": _command(paths or []),
    }
    reports = _Reports(report, opened.manifest, out)
    sink = Sink(Format.JSON if as_json else Format.TEXT, _to_text)
    with Ensemble(opened, precision=precision, backend=backend, threads=threads) as ensemble, sink:
        failures = _explain_all(
            found, partial(explaining.explain, ensemble=ensemble, originals=originals, **settings), reports, sink
        )
    reports.write_index(always=flagged)
    failures.close("scans could not be explained")


def _explain_all(
    found: Sequence[FoundScan], explain_scan: Callable[..., Explanation], reports: _Reports, sink: Sink
) -> Failures:
    """Explain each scan, write its report and its record, and return those that failed."""
    from edge_run.scan.frames import frames_of

    failures = Failures()
    with (
        saying_what_is_kept(lambda: f"{failures.inputs} of {len(found)} scans were explained; see {reports.out}"),
        Progress() as progress,
    ):
        for number, target in enumerate(found):
            show = partial(_show, progress, number, len(found))
            try:
                for frame in frames_of(target.input):
                    explanation = explain_scan(frame.scan, case_id=target.case_id, progress=show)
                    sink.write(_record(frame.name, explanation, reports.write(explanation, target, frame)))
            except InputError as error:
                sink.write(failure(target.input.name, error))
                failures.add(target.input.name, error)
            failures.inputs += 1
    return failures


class _Reports:
    """Writes the report of each scan into a folder of its own, and at the end an index of them all."""

    def __init__(self, report: ModuleType, manifest: Manifest, out: Path) -> None:
        self._report, self._manifest, self.out = report, manifest, out
        self._entries: list[IndexEntry] = []

    def write(self, explanation: Explanation, target: FoundScan, frame: Frame) -> Path:
        """Write the report of a frame, and return the path of its page."""
        folder = self.out / target.folder(frame.scan.sha256)
        folder = folder if frame.number is None else folder / str(frame.number)
        page: Path = self._report.write(explanation, self._manifest, folder)
        self._entries.append(self._report.index_entry(explanation, page.relative_to(self.out)))
        return page

    def write_index(self, *, always: bool) -> None:
        """Write the index where there are several reports or ``always``, and say where it is."""
        if len(self._entries) > 1 or (always and self._entries):
            index = self._report.write_index(self._entries, self.out)
            say(f"index of the reports: {unicode(str(index))}")


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
        make_folder(out)
    except OSError as error:
        raise UsageError(f"{out} cannot be made: {error.strerror}", hint="give another --out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"{out} may not be written to by this user", hint="give another --out")


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
