"""``edge-run predict``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_run.errors import EdgeRunError, InputError, UsageError

from . import _options
from .output import Format, Record, Sink, bar, unicode, visible

if TYPE_CHECKING:
    from edge_run.ensemble import Ensemble
    from edge_run.inputs import Input
    from edge_run.prediction import Prediction

COLUMNS = (
    "path", "label", "probability", "probabilities", "interval", "flags", "members", "bundle", "precision", "backend",
    "passed_over", "timing_ms.total", "error.kind", "error.message",
)  # fmt: skip


def predict(
    paths: Annotated[list[str], typer.Argument(help="Scans: files, folders, globs, or - for standard input.")],
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    as_json: _options.Json = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON record per line, as soon as it is known.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, with a header.")] = False,
) -> None:
    """Answer scans with the bundle's calibrated vote. One bad file does not stop the others (exit 3)."""
    form = _format(as_json=as_json, jsonl=jsonl, as_csv=as_csv)
    from edge_run.backends import Here, choose
    from edge_run.bundle import Bundle

    opened = Bundle(bundle)
    choice = choose(backend, precision, opened.manifest.precisions, Here(backend))
    heaviest_first = sorted(opened.manifest.members, key=lambda member: -member.macs)
    opened.read_ahead(member.artefacts[choice.precision].file for member in heaviest_first)
    # These bring NumPy, OpenCV and ONNX Runtime; meanwhile the members are read and hashed.
    from edge_run.ensemble import Ensemble
    from edge_run.inputs import expand

    with Ensemble(opened, precision=precision, backend=backend, threads=threads) as ensemble:
        inputs = expand(paths)
        sink = Sink(form, COLUMNS, _to_text)
        failed = 0
        for done, given in enumerate(inputs):
            _progress(done, len(inputs))
            record = _answer(ensemble, given)
            failed += "error" in record
            sink.write(record)
        _progress(len(inputs), len(inputs))
        sink.close()
        if form is Format.TEXT:
            card = ensemble.manifest.card
            typer.echo(visible(f"{card.licence} {card.intended_use}"), err=True)
    if failed:
        typer.echo(f"{failed} of {len(inputs)} inputs could not be answered", err=True)
        raise typer.Exit(InputError.exit_code)


def _format(*, as_json: bool, jsonl: bool, as_csv: bool) -> Format:
    chosen = [form for form, given in ((Format.JSON, as_json), (Format.JSONL, jsonl), (Format.CSV, as_csv)) if given]
    if len(chosen) > 1:
        raise UsageError("more than one output format is given", mend="keep one of --json, --jsonl, --csv")
    return chosen[0] if chosen else Format.TEXT


def _answer(ensemble: Ensemble, given: Input) -> Record:
    try:
        if given.error is not None:
            raise given.error
        prediction = ensemble.predict(_stdin() if given.path is None else given.path)
    except InputError as error:
        return failure(given.name, error)
    return record(given.name, prediction)


def _stdin() -> bytes:
    from edge_run.image import MAX_BYTES

    return sys.stdin.buffer.read(MAX_BYTES + 1)


def record(name: str, prediction: Prediction) -> Record:
    """Flatten a prediction into the record that every format writes."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(prediction)
    decision, source = found["decision"], found["source"]
    times = found["timing_ms"]
    return {
        "path": name,
        **decision,
        "bundle": source["bundle"],
        "bundle_sha256": source["bundle_sha256"],
        "precision": source["precision"],
        "backend": source["backend"],
        "passed_over": source["passed_over"],
        "version": source["version"],
        "scan_sha256": found["scan_sha256"],
        "steps": found["steps"],
        "timing_ms": {**times, "total": sum(times.values())},
    }


def failure(name: str, error: EdgeRunError) -> Record:
    """Return the record of an input that could not be answered."""
    return {"path": name, "error": {"kind": error.kind, "message": unicode(error.message), "mend": unicode(error.mend)}}


def _to_text(record: Record) -> str:
    if "error" in record:
        error = record["error"]
        return f"{record['path']}\n  error: {error['message']}" + (f" {error['mend']}" if error["mend"] else "") + "\n"
    label = record["label"]
    lines = [record["path"], f"  {label}  {record['probability']:.1%}"]
    others = [f"{name} {p:.1%}" for name, p in record["probabilities"].items() if name != label]
    lines[-1] += f"   ({', '.join(others)})"
    for member in record["members"]:
        p = member["probabilities"][label]
        lines.append(f"    {member['arch']:<10} {bar(p)} {label} {p:6.1%}   weighs {member['weight']:.2f}")
    lines += [f"  flag: {flag['reason']} ({flag['name']})" for flag in record["flags"]]
    if record["passed_over"]:
        lines.append(
            "  passed over " + "; ".join(f"{one['backend']}: {one['reason']}" for one in record["passed_over"])
        )
    lines.append(
        f"  {record['timing_ms']['total']:.0f} ms   {record['backend']}, {record['precision']}   "
        f"bundle {record['bundle']} {record['bundle_sha256'][:12]}\n"
    )
    return "\n".join(lines)


def _progress(done: int, of: int) -> None:
    """Draw a bar on stderr: only on a terminal, only for more than a few scans, not mixed with text on stdout."""
    if of < 8 or not sys.stderr.isatty() or sys.stdout.isatty():
        return
    sys.stderr.write(f"\r{bar(done / of, 30)} {done}/{of}" + ("\n" if done == of else ""))
    sys.stderr.flush()
