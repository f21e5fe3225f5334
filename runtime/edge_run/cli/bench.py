"""``edge-run bench``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import BackendError, GateError, UsageError

from . import _options
from ._choices import backend_names, listed, precision_names
from ._extras import need
from ._interrupt import saying_what_is_kept
from .output import Format, Progress, chosen_format, print_json, print_text, say

if TYPE_CHECKING:
    from types import ModuleType

    from edge_run.bench.compare import Comparison
    from edge_run.bench.measure import Budget
    from edge_run.bench.record import Record, Variant


MEASURING = "Measuring"
COMPARISON = "Comparison"


def bench(
    bundle: _options.BundleArgument = "ct-covid",
    scans: Annotated[list[str] | None, typer.Argument(metavar="PATH...", help="Scans: files, folders, globs; synthetic ones by default.")] = None,
    precision: Annotated[str | None, typer.Option(help="Measure these, separated by commas.  [default: all that the bundle has]", autocompletion=listed(precision_names), rich_help_panel=_options.MODEL)] = None,
    backend: Annotated[str | None, typer.Option(help="Measure these, separated by commas.  [default: all that run here]", autocompletion=listed(backend_names), rich_help_panel=_options.MODEL)] = None,
    early_exit: Annotated[bool | None, typer.Option(help="Measure with early exit only, or without only.", show_default="both", rich_help_panel=_options.MODEL)] = None,
    threads: _options.Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="Take a first look in about a minute: fewer rounds, the backend that auto takes, no early exit.", rich_help_panel=MEASURING)] = False,
    min_time: Annotated[float | None, typer.Option(min=0, help="Measure each variant for at least so many seconds.  [default: 5]", rich_help_panel=MEASURING)] = None,
    min_count: Annotated[int | None, typer.Option(min=1, help="Measure at least so many answers of each variant.  [default: 50]", rich_help_panel=MEASURING)] = None,
    compare: Annotated[Path | None, typer.Option(metavar="OLD.json", help="Print ratios to an earlier --out.", rich_help_panel=COMPARISON)] = None,
    bound: Annotated[float, typer.Option(min=0, help="Leave with 6 where a p50 is over so many times the earlier one.", rich_help_panel=COMPARISON)] = 1.2,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the record here, as JSON.", rich_help_panel=_options.OUTPUT)] = None,
    plot: Annotated[Path | None, typer.Option(metavar="STEM", help="Write STEM.png and STEM.svg.", rich_help_panel=_options.OUTPUT)] = None,
    as_json: _options.Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Write one Markdown table.", rich_help_panel=_options.OUTPUT)] = False,
) -> None:  # fmt: skip
    """Measure how fast a bundle answers on this machine.

    Each precision and backend is measured, each member and the vote.
    """
    form = chosen_format(json=as_json, markdown=as_markdown)
    matplotlib = _matplotlib() if plot else None
    _check_places(out, plot and plot.with_name(f"{plot.name}.png"))
    from edge_run.bench import compare as comparing
    from edge_run.bench.plan import EXITS, Filters, plan
    from edge_run.bench.run import run
    from edge_run.bundle.bundle import Bundle
    from edge_run.doctor import examine

    earlier = comparing.load(compare) if compare else None
    opened, machine = Bundle(bundle), examine()
    exits = None if early_exit is None else [EXITS[early_exit]]
    filters = Filters(_names(backend), _names(precision), exits, quick)
    planned = plan(opened.manifest, machine.backends, filters)
    if earlier:
        comparing.require_common(earlier, planned.variants)
    with saying_what_is_kept(lambda: "nothing was written"), Progress() as progress:
        record = run(
            opened,
            planned,
            machine,
            scans or [],
            budget=_budget(min_time, min_count, quick=quick),
            threads=threads,
            command=_command(scans or []),
            progress=lambda variant, done, of: progress.show(_name(variant), done, of),
        )
    found = comparing.compare(earlier, record, bound) if earlier else None
    # First, since whoever reads stdout may stop before the end.
    _write(record, out, plot, matplotlib)
    _print(record, found, form)
    _judge(record, found)


def _matplotlib() -> ModuleType:
    need("matplotlib.figure", "train")
    return need("matplotlib", "train")


def _check_places(*files: Path | None) -> None:
    """Refuse before minutes are spent what could not be written after them."""
    for file in filter(None, files):
        if not file.absolute().parent.is_dir():
            raise UsageError(f"{file} cannot be written: its folder does not exist", hint=f"mkdir -p {file.parent}")
        if file.is_dir() or not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
            raise UsageError(f"{file} cannot be written: it is a folder, or not yours", hint="give another place")


def _budget(min_time: float | None, min_count: int | None, *, quick: bool) -> Budget:
    from edge_run.bench.run import QUICK, USUAL

    usual = QUICK if quick else USUAL
    return usual._replace(
        min_time_s=usual.min_time_s if min_time is None else min_time,
        min_count=usual.min_count if min_count is None else min_count,
    )


def _command(scans: list[str]) -> str:
    """What was typed; scans are left nameless, since a file's name may be a patient's."""
    words = ["SCAN" if word in scans else Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return shlex.join(["edge-run", *words])


def _names(words: str | None) -> list[str] | None:
    return None if words is None else words.split(",")


def _name(variant: Variant) -> str:
    return f"{variant.backend} {variant.precision} {variant.name}"


def _print(record: Record, found: Comparison | None, form: Format) -> None:
    import msgspec

    from edge_run.bench import compare, table

    if form is Format.JSON:
        comparison = {"comparison": msgspec.to_builtins(found)} if found else {}
        print_json(msgspec.to_builtins(record) | comparison)
    else:
        written = table.markdown(record) if form is Format.MARKDOWN else table.text(record)
        beside = compare.lines(found, markdown=form is Format.MARKDOWN) if found else []
        print_text("\n".join([written, *[""][: len(beside)], *beside]))


def _write(record: Record, out: Path | None, plot: Path | None, matplotlib: ModuleType | None) -> None:
    import msgspec

    from edge_run.bench.plot import draw

    written: list[Path] = []
    try:
        if out:
            out.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
            written.append(out)
        if plot and matplotlib and any(result.summary for result in record.results):
            written += draw(record, plot, matplotlib)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}", hint="give another place") from error
    for path in written:
        say(f"written to {path}")


def _judge(record: Record, found: Comparison | None) -> None:
    """Fail where nothing was measured, or something is slower than it may be."""
    from edge_run.bench.run import first_error

    why = first_error(record.results)
    if why:
        raise BackendError(f"nothing could be measured: {why}", hint="edge-run doctor; edge-run verify BUNDLE")
    over_bound = [one for one in found.ratios if one.over_bound] if found else []
    if found and over_bound:
        names = ", ".join(_name(one.variant) for one in over_bound)
        raise GateError(
            f"{len(over_bound)} of {len(found.ratios)} are over {found.bound:g} times the earlier p50, or fail: {names}",
            hint="measure again on an idle machine; what else differs between the two records is printed above",
        )
