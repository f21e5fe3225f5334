"""``edge-run compile``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import BackendError

from . import _options
from ._choices import listed
from ._interrupt import saying_what_is_kept
from .output import Format, Progress, Record, Sink, print_json

if TYPE_CHECKING:
    from edge_run.backends.tensorrt.compile import Compiled

    from .output import Style

PRECISION = "Build only these, separated by commas: int8, fp16, fp32, int8-trt, int8-trt-fp16.  [default: all that the bundle has]"
CHOICES = ("int8", "fp16", "fp32", "int8-trt", "int8-trt-fp16")


def compile_engines(
    bundle: _options.BundleArgument,
    precision: Annotated[str | None, typer.Option(help=PRECISION, autocompletion=listed(CHOICES))] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Build for batches up to this size; 1 is fastest for single scans.")] = 1,
    workspace: Annotated[int, typer.Option(min=1, help="Let a layer use this much memory for itself, MiB.")] = 1024,
    dla: Annotated[bool, typer.Option("--dla", help="Use the deep learning accelerator (Jetson AGX Orin, Orin NX).")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build again what is there already.")] = False,
    as_json: _options.Json = False,
) -> None:  # fmt: skip
    """Build TensorRT engines for this device's GPU.

    They are kept beside the bundle, and are used again as long as device, TensorRT and bundle stay the same.
    """
    from edge_run.backends import unavailable
    from edge_run.backends.tensorrt.compile import compile_bundle, options_for
    from edge_run.backends.tensorrt.precisions import choose
    from edge_run.bundle.bundle import Bundle

    opened = Bundle(bundle)
    precisions = choose(None if precision is None else precision.split(","), opened.manifest.precisions, dla=dla)
    options = options_for(batch, workspace, dla=dla)
    state = unavailable("tensorrt")
    if state is not None:
        raise BackendError(f"no engines can be built here: {state.reason}", hint=state.hint)
    from edge_run.backends.tensorrt.device import probe

    sink = Sink(Format.TEXT, _to_text)
    records: list[Record] = []
    with saying_what_is_kept(lambda: f"{len(records)} engines are in {opened.engines}"), Progress() as progress:
        show = lambda name, share: progress.show(name, share, 1)  # noqa: E731 - TensorRT's threads call it
        for compiled in compile_bundle(opened, precisions, probe(), options, force=force, progress=show):
            records.append(_record(compiled))
            if not as_json:
                sink.write(records[-1])
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


def _to_text(record: Record, _style: Style) -> str:
    how = f"built in {record['seconds']:.0f} s" if record["built"] else "kept"
    int8 = f", {record['quantised']} of {record['convolutions']} convolutions in INT8" if record["quantised"] else ""
    return f"{record['name']:<24} {how}, {record['bytes'] / 2**20:.1f} MiB{int8}: {record['path']}"
