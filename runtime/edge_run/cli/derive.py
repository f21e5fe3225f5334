"""``edge-run derive``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import UsageError

from . import _options
from ._choices import listed
from ._interrupt import saying_what_is_kept
from .output import Format, Progress, Record, Sink, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import BundleMember

    from .output import Style

PRECISION = "Derive only these, separated by commas.  [default: all that the bundle derives]"
FORMS = ("fp32", "fp16", "int8-trt", "int8-trt-fp16")


def derive(
    bundle: _options.BundleArgument = "ct-covid",
    precision: Annotated[str | None, typer.Option(help=PRECISION, autocompletion=listed(FORMS))] = None,
    force: Annotated[bool, typer.Option("--force", help="Derive again what is there already.")] = False,
    as_json: _options.Json = False,
) -> None:
    """Derive a bundle's other precisions ahead of their first use.

    A bundle stores one INT8 file for each member. FP32, FP16 and the INT8 form for TensorRT are derived from it on this
    device, once, and kept beside the bundle.
    """
    from edge_run.bundle.bundle import Bundle

    opened = Bundle(bundle)
    forms = _forms(opened, precision)
    sink, records = Sink(Format.TEXT, _to_text), list[Record]()
    pairs = [(member, form) for form in forms for member in opened.manifest.members]
    with saying_what_is_kept(lambda: f"{len(records)} networks are in {opened.derived}"), Progress() as progress:
        for number, record in enumerate(_derive(opened, pairs, force=force), 1):
            progress.show(f"{record['member']} {record['precision']}", number, len(pairs))
            records.append(record)
            if not as_json:
                sink.write(record)
    if as_json:
        print_json({"bundle": opened.manifest.name, "sha256": opened.sha256, "networks": records})


def _forms(bundle: Bundle, precision: str | None) -> tuple[str, ...]:
    manifest = bundle.manifest
    derived = tuple(p for p in manifest.precisions if p not in manifest.stored_precisions)
    wanted = derived if precision is None else tuple(precision.split(","))
    unknown = [form for form in wanted if form not in derived]
    if unknown or not wanted:
        raise UsageError(
            f"{manifest.name} derives no {', '.join(unknown) or 'other precision'}",
            hint=f"choose from {', '.join(derived)}" if derived else "edge-run info names what it stores",
        )
    return wanted


def _derive(bundle: Bundle, pairs: list[tuple[BundleMember, str]], *, force: bool) -> Iterator[Record]:
    from edge_run.bundle.derive.cache import derived

    for member, form in pairs:
        model = derived(bundle.source_of(member, form), form, bundle.derived, refresh=force)
        yield {"member": member.id, "precision": form, "bytes": len(model)}


def _to_text(record: Record, style: Style) -> str:  # noqa: ARG001 - the signature of all texts
    return f"{record['member']:<12} {record['precision']:<14} {record['bytes'] / 1e6:7.1f} MB"
