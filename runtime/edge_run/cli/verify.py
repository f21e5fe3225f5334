"""``edge-run verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import GateError

from . import _options
from .output import Format, Record, Sink, print_json, say

if TYPE_CHECKING:
    from .output import Style


def verify(
    bundle: _options.BundleArgument = "ct-covid",
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    as_json: _options.Json = False,
) -> None:
    """Check a bundle's hashes, and replay its reference scans here.

    The exit code is 6 where this machine answers differently from the one that exported the bundle.
    """
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
        whole = {"bundle": opened.manifest.name, "sha256": opened.sha256, "passed": passed}
        print_json({**whole, "checks": records, "not_replayed": left_out})
    else:
        with Sink(Format.TEXT, _to_text) as sink:
            for record in records:
                sink.write(record)
        for reason in left_out.values():
            say(f"not replayed: {reason}")
    if not passed:
        failed = ", ".join(check.name for check in checks if not check.passed)
        raise GateError(
            f"this machine does not answer as recorded: {failed}",
            hint="edge-run doctor; INT8 differs on processors without VNNI: use --precision fp32 where it passes",
        )


def _to_text(record: Record, style: Style) -> str:
    mark = "ok  " if record["passed"] else style.error("FAIL")
    flips = f", {record['flips']} labels differ" if record["flips"] else ""
    place = f"{record['name']:<20} {record['backend']:<11}"
    return f"{mark} {place} differs by {record['difference']:.2g} (accepted: {record['tolerance']:.2g}){flips}"
