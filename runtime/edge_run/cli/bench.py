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
from ._extras import need
from .output import bar, print_json, print_text, visible

if TYPE_CHECKING:
    from types import ModuleType

    from edge_run.bench.compare import Comparison
    from edge_run.bench.measure import Budget
    from edge_run.bench.record import Record, Variant


def bench(
    bundle: Annotated[str, typer.Argument(help="Bundle: a folder, a .zip, or a built-in name.")] = "ct-covid",
    scans: Annotated[list[str] | None, typer.Argument(help="Scans: files, folders, globs; synthetic ones by default.")] = None,
    precision: Annotated[str | None, typer.Option(help="Comma-separated; all that the bundle has by default.")] = None,
    backend: Annotated[str | None, typer.Option(help="Comma-separated; all that run here by default.")] = None,
    exit: Annotated[str | None, typer.Option(help="full, certified; both by default.")] = None,  # noqa: A002
    min_time: Annotated[float | None, typer.Option(min=0, help="Seconds of answers that each variant gets at least; 5 by default.")] = None,
    min_count: Annotated[int | None, typer.Option(min=1, help="Answers that each variant gets at least; 50 by default.")] = None,
    threads: _options.Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look: 3 rounds and less time.")] = False,
    as_json: _options.Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="One Markdown table on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the record here, as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="STEM", help="Write STEM.png and STEM.svg.")] = None,
    compare: Annotated[Path | None, typer.Option(metavar="OLD.json", help="An earlier --out, to print ratios to.")] = None,
    bound: Annotated[float, typer.Option(min=0, help="With --compare: exit 6 where a p50 is over so many times the earlier.")] = 1.2,
) -> None:  # fmt: skip
    """Measure a bundle on this machine: each precision and backend, each member and the vote."""
    if as_json and as_markdown:
        raise UsageError("more than one output format is given", hint="keep one of --json, --markdown")
    matplotlib = _matplotlib() if plot else None
    _check_places(out, plot and plot.with_name(f"{plot.name}.png"))
    from edge_run.bench import compare as comparing
    from edge_run.bench.plan import Filters, plan
    from edge_run.bench.run import run
    from edge_run.bundle.bundle import Bundle
    from edge_run.doctor import examine

    earlier = comparing.load(compare) if compare else None
    opened, machine = Bundle(bundle), examine()
    filters = Filters(*(None if words is None else words.split(",") for words in (backend, precision, exit)))
    planned = plan(opened.manifest, machine.backends, filters)
    if earlier:
        comparing.require_common(earlier, planned.variants)
    try:
        record = run(
            opened,
            planned,
            machine,
            scans or [],
            budget=_budget(min_time, min_count, quick=quick),
            threads=threads,
            command=_command(scans or []),
            progress=_progress,
        )
    finally:
        _wipe()
    found = comparing.compare(earlier, record, bound) if earlier else None
    # First, since whoever reads stdout may stop before the end.
    _write(record, out, plot, matplotlib)
    _print(record, found, as_json=as_json, as_markdown=as_markdown)
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


def _progress(variant: Variant, done: int, of: int) -> None:
    if sys.stderr.isatty():
        name = visible(f"{variant.backend} {variant.precision} {variant.name}")
        sys.stderr.write(f"\r\x1b[K{bar(done / of, 30)} {done}/{of}  {name[:45]}")
        sys.stderr.flush()


def _wipe() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _print(record: Record, found: Comparison | None, *, as_json: bool, as_markdown: bool) -> None:
    import msgspec

    from edge_run.bench import compare, table

    if as_json:
        comparison = {"comparison": msgspec.to_builtins(found)} if found else {}
        print_json(msgspec.to_builtins(record) | comparison)
    else:
        written = table.markdown(record) if as_markdown else table.text(record)
        beside = compare.lines(found, markdown=as_markdown) if found else []
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
        typer.echo(f"written to {path}", err=True)


def _judge(record: Record, found: Comparison | None) -> None:
    """Fail where nothing was measured, or something is slower than it may be."""
    from edge_run.bench.run import first_error

    why = first_error(record.results)
    if why:
        raise BackendError(f"nothing could be measured: {why}", hint="edge-run doctor; edge-run verify BUNDLE")
    over_bound = [one for one in found.ratios if one.over_bound] if found else []
    if found and over_bound:
        names = ", ".join(f"{one.variant.backend} {one.variant.precision} {one.variant.name}" for one in over_bound)
        raise GateError(
            f"{len(over_bound)} of {len(found.ratios)} are over {found.bound:g} times the earlier p50, or fail: {names}",
            hint="measure again on an idle machine; what else differs between the two records is printed above",
        )
