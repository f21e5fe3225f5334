"""``edge-run verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_run.errors import GateError

from . import _options
from .output import Format, Record, Sink, print_json, visible


def verify(
    bundle: Annotated[str, typer.Argument(help="Bundle: a folder, a .zip, or a built-in name.")] = "ct-covid",
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    as_json: _options.Json = False,
) -> None:
    """Check every hash, and replay the bundle's reference scans on this machine (exit 6 if they differ)."""
    import msgspec

    from edge_run.bundle.bundle import Bundle
    from edge_run.ensemble.verify import not_replayed
    from edge_run.ensemble.verify import verify as replay

    opened = Bundle(bundle)
    checks = replay(opened, backend=backend, threads=threads)
    records = [{**msgspec.to_builtins(check), "passed": check.passed} for check in checks]
    passed = all(check.passed for check in checks)
    left_out = not_replayed(opened, backend)
    if as_json:
        found = {"bundle": opened.manifest.name, "sha256": opened.sha256, "passed": passed}
        print_json({**found, "checks": records, "not_replayed": left_out})
    else:
        sink = Sink(Format.TEXT, (), _to_text)
        for record in records:
            sink.write(record)
        sink.close()
        for reason in left_out.values():
            typer.echo(visible(f"not replayed: {reason}"), err=True)
    if not passed:
        failed = ", ".join(check.name for check in checks if not check.passed)
        raise GateError(
            f"this machine does not answer as recorded: {failed}",
            hint="edge-run doctor; INT8 differs on processors without VNNI: use --precision fp32 where it passes",
        )


def _to_text(record: Record) -> str:
    mark = "ok  " if record["passed"] else "FAIL"
    flips = f", {record['flips']} labels differ" if record["flips"] else ""
    place = f"{record['name']:<20} {record['backend']:<11}"
    return f"{mark} {place} differs by {record['difference']:.2g} (accepted: {record['tolerance']:.2g}){flips}"
