"""``edge-run compile``."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import BackendError

from . import _options
from .output import Format, Record, Sink, bar, print_json

if TYPE_CHECKING:
    from edge_run.backends.tensorrt.compile import Compiled


def compile_engines(
    bundle: Annotated[str, typer.Argument(help="Bundle: a folder, a .zip, or a built-in name.")],
    precision: Annotated[str | None, typer.Option(help="Comma-separated: int8, fp16, fp32, int8-trt, int8-trt-fp16; all that the bundle has by default.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Largest batch; 1 is fastest for single scans.")] = 1,
    workspace: Annotated[int, typer.Option(min=1, help="Memory that a layer may use for itself, MiB.")] = 1024,
    dla: Annotated[bool, typer.Option("--dla", help="Use the deep learning accelerator (Jetson AGX Orin, Orin NX).")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build again what is there.")] = False,
    as_json: _options.Json = False,
) -> None:  # fmt: skip
    """Build TensorRT engines for this device's GPU, and keep them beside the bundle."""
    from edge_run.backends import unavailable
    from edge_run.backends.tensorrt.compile import compile_bundle, options_for
    from edge_run.backends.tensorrt.precisions import choose
    from edge_run.bundle.bundle import Bundle

    opened = Bundle(bundle)
    asked = None if precision is None else precision.split(",")
    precisions = choose(asked, opened.manifest.precisions, dla=dla)
    options = options_for(batch, workspace, dla=dla)
    state = unavailable("tensorrt")
    if state is not None:
        raise BackendError(f"no engines can be built here: {state.reason}", hint=state.hint)
    from edge_run.backends.tensorrt.device import probe

    sink, records = Sink(Format.TEXT, (), _to_text), []
    try:
        for compiled in compile_bundle(opened, precisions, probe(), options, force=force, progress=_progress):
            records.append(_record(compiled))
            if not as_json:
                sink.write(records[-1])
    except KeyboardInterrupt:
        typer.echo(f"\nstopped; {len(records)} engines are in {opened.engines}", err=True)
        raise
    finally:
        _progress("", 1)
    if as_json:
        print_json({"bundle": opened.manifest.name, "sha256": opened.sha256, "engines": records})


def _record(compiled: Compiled) -> Record:
    import msgspec

    return {
        "name": compiled.name,
        "path": str(compiled.path),
        "built": compiled.seconds > 0,
        "seconds": round(compiled.seconds, 3),
        **msgspec.to_builtins(compiled.engine),
    }


def _to_text(record: Record) -> str:
    how = f"built in {record['seconds']:.0f} s" if record["built"] else "kept"
    int8 = f", {record['quantised']} of {record['convolutions']} convolutions in INT8" if record["quantised"] else ""
    return f"{record['name']:<24} {how}, {record['bytes'] / 2**20:.1f} MiB{int8}: {record['path']}"


def _progress(name: str, share: float) -> None:
    """Draw a bar on stderr, and wipe it when it is full, on a terminal only.

    Called from TensorRT's threads, where nothing may be raised.
    """
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K" if share >= 1 else f"\r{name:<24} {bar(share, 30)} {share:4.0%}")
            sys.stderr.flush()
