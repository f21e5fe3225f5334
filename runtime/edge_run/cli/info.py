"""``edge-run info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_run.errors import UsageError

from . import _options
from .output import Format, Record, Sink, print_json, print_text

if TYPE_CHECKING:
    from .output import Style

MIB = 2**20


def info(
    bundle: _options.BundleArgument = "ct-covid",
    card: Annotated[bool, typer.Option("--card", help="Write the model card, as Markdown.")] = False,
    as_json: _options.Json = False,
) -> None:
    """Show what a bundle is for, what is in it and how well it did."""
    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.description import describe

    if card and as_json:
        raise UsageError("--card writes Markdown, --json writes JSON", hint="leave one of them out")
    opened = Bundle(bundle)
    if card:
        from .records.model_card import model_card

        print_text(model_card(opened))
        return
    record = describe(opened)
    if as_json:
        print_json(record)
        return
    with Sink(Format.TEXT, _to_text) as sink:
        sink.write(record)


def _to_text(record: Record, style: Style) -> str:
    point = record["operating_point"]
    task = f"{record['modality']}: {', '.join(record['labels'])}; positive class {record['positive']}"
    lines = [
        f"{style.bold(record['name'])}   {record['sha256'][:12]}, made {record['created'][:10]}",
        *style.wrapped(f"  {record['summary']}", "  "),
        *_recalibration(record, style),
        "",
        f"{style.bold('Task')}        {task}" + (f", operating point {point:.3f}" if point is not None else ""),
        f"{style.bold('Input')}       {record['size']} x {record['size']} pixels, grey",
        "",
        *_members(record, style),
        "",
        *_accuracy(record, style),
        "",
        *_card(record, style),
    ]
    return "\n".join(lines)


def _recalibration(record: Record, style: Style) -> list[str]:
    found = record["recalibration"]
    if found is None:
        return []
    labels = ", ".join(f"{count} {label}" for label, count in found["labels"].items())
    return style.wrapped(
        f"  Recalibrated from {found['parent']} {found['ancestors'][0][:12]} on {found['created'][:10]} with "
        f"{found['cases']} noted cases ({labels}), answered at {found['precision']}: NLL {found['parent_nll']:.4f} -> "
        f"{found['nll']:.4f}, cross-fitted; the difference has a standard error of {found['gain_error']:.4f}.",
        "  ",
    )


def _members(record: Record, style: Style) -> list[str]:
    precisions = record["precisions"]
    width = max(10, *(len(member["id"]) for member in record["members"]))
    lines = [style.bold(f"{'Member':<{width}}  weight   MACs (G)" + "".join(f"{p:>15}" for p in precisions))]
    for member in record["members"]:
        sizes = "".join(_size(member["bytes"].get(p)) for p in precisions)
        lines.append(f"{member['id']:<{width}}  {member['weight']:>6.2f}   {member['macs'] / 1e9:>8.2f}{sizes}")
    stored = [[member["bytes"].get(p) for member in record["members"]] for p in precisions]
    totals = "".join(_size(None if None in sizes else sum(sizes)) for sizes in stored)
    return [*lines, f"{'all':<{width}}  {'':>6}   {'':>8}{totals}"]


def _size(stored: int | None) -> str:
    """A file's size; a precision without a file is derived on the device that needs it."""
    return f"{'derived':>15}" if stored is None else f"{stored / MIB:>11.1f} MiB"


def _accuracy(record: Record, style: Style) -> list[str]:
    lines = []
    for precision, evaluation in record["evaluation"].items():
        lines.append(
            style.bold(f"Measured at {precision}")
            + f" on {evaluation['scans']} scans ({evaluation['split']}), 95 % interval"
        )
        lines += [f"  {name:<20} {_figure(figure)}" for name, figure in evaluation["figures"].items()]
    return lines


def _figure(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "not available"
    interval = "" if figure["low"] is None else f"   {figure['low']:.3f} to {figure['high']:.3f}"
    return f"{figure['value']:.3f}{interval}"


def _card(record: Record, style: Style) -> list[str]:
    lines = [style.bold("Intended use"), *style.wrapped(f"  {record['intended_use']}", "  "), style.bold("Limits")]
    for limit in record["limits"]:
        lines += style.wrapped(f"  - {limit}")
    lines.append(style.bold("Training data"))
    for source in record["training_data"]:
        lines += style.wrapped(f"  - {source}")
    return [*lines, f"{style.bold('Licence')}     {record['licence']}"]
