"""What a latency measurement found: tables for people, every sample for programs."""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.interleave import Blocks, medians, ratios, spread
from benchmarks.latency.targets import OURS, TARGETS, judge
from edge_run.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.latency.peers import Form
    from benchmarks.latency.tournament import Tried
    from edge_run import Bundle

SCHEMA = 1
PACKAGES = ("onnxruntime", "openvino", "nncf", "torch", "torchao", "numpy")


class Found(NamedTuple):
    """All of a measurement.

    Attributes
    ----------
    weights
        Where those of the peers' networks come from.
    forms
        The fastest of each peer and precision.
    taken
        Milliseconds by peer and precision, for the networks' work; and of what is timed apart.
    """

    bundle: Bundle
    weights: str
    tried: Sequence[Tried]
    forms: Mapping[str, Form]
    taken: Mapping[str, Blocks]


def print_report(found: Found) -> None:
    """Print the machine, the verdicts, the fastest forms, and all of them."""
    machine = examine()
    macs = sum(member.macs for member in found.bundle.manifest.members)
    counts = {len(found.taken[name]) for name in found.forms} or {0}
    name = f"{found.bundle.manifest.name} {found.bundle.sha256[:12]}"
    print(f"{name}, {macs / 1e9:.2f} thousand million multiply-adds a scan")
    print(f"{machine.cpu}, {machine.cores} cores; {', '.join(f'{k} {v}' for k, v in _versions().items())}")
    print(f"{max(counts)} rounds; weights of the peers: {found.weights}\n")
    _print_targets(found)
    _print_fastest(found)
    _print_all(found)


def _print_targets(found: Found) -> None:
    print("| ratio of times | wanted | measured, quartiles | reached |\n|---|---|---|---|")
    for target in TARGETS:
        sign = "≥" if target.at_least else "≤"
        got = judge(target, found.taken)
        said = "not measured |"
        if got:
            said = f"{got.median:.2f} [{got.q25:.2f} {got.q75:.2f}] | {'yes' if target.reached(got) else 'no'}"
        print(f"| {target.what} | {sign} {target.bound} | {said} |")


def _print_fastest(found: Found) -> None:
    print("\n| peer | its fastest form | median ms | quartiles | least | edge-run INT8 = 1 |")
    print("|---|---|---|---|---|---|")
    order = sorted(found.forms, key=lambda name: spread(medians(found.taken[name])).median)
    for name in order:
        ms = spread(medians(found.taken[name]))
        times = spread(ratios(found.taken[name], found.taken[OURS])) if OURS in found.taken else None
        told = f"{ms.median:.1f} | [{ms.q25:.1f} {ms.q75:.1f}] | {ms.least:.1f}"
        said = f"{times.median:.2f} [{times.q25:.2f} {times.q75:.2f}]" if times else ""
        print(f"| {name} | {found.forms[name].how} | {told} | {said} |")


def _print_all(found: Found) -> None:
    print("\n| form | load ms | first ms | median ms of the trial |\n|---|---|---|---|")
    for tried in found.tried:
        told = f"{tried.load_ms:.0f} | {tried.first_ms:.0f} | {tried.ms:.1f}" if tried.blocks else f" | | {tried.why}"
        print(f"| {tried.form.name} | {told} |")


def write_json(found: Found, path: Path) -> None:
    """Write every sample, with what it was measured on."""
    record = {
        "schema": SCHEMA,
        "unit": "ms",
        "command": sys.argv,
        "machine": msgspec.to_builtins(examine()),
        "versions": _versions(),
        "bundle": {"name": found.bundle.manifest.name, "sha256": found.bundle.sha256},
        "weights": found.weights,
        "trials": [
            {
                "form": t.form.name,
                "load": t.load_ms,
                "first": t.first_ms,
                "scale": t.form.scale,
                "blocks": t.blocks,
                "why": t.why,
            }
            for t in found.tried
        ],
        "fastest": {name: form.how for name, form in found.forms.items()},
        "blocks": dict(found.taken),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def _versions() -> dict[str, str]:
    known = {}
    for package in PACKAGES:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            continue
    return known
