"""An export's report as Markdown.

python -m benchmarks.studies.export_table report.json
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_export import ExportReport

if TYPE_CHECKING:
    from edge_export.bundle.report import ArtefactReport, VoteReport

SHOWN = 5
COLUMNS = (
    "network", "precision", "MB", "speed", "ranges", "float layers", "max Δlogit", "max Δp", "labels changed",
    "Δ accuracy", "Δ sensitivity", "Δ AUROC", "gate",
)  # fmt: skip


def main(report: ExportReport) -> None:
    """Print one line for each artefact, one for each vote, and the layers that were kept in float."""
    verdict = "all gates passed" if report.passed else "REFUSED"
    print(f"{report.bundle}: {verdict} ({report.machine.cpu}, {report.machine.cores} cores)\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for arch, artefacts in report.members.items():
        for precision, made in artefacts.items():
            print(_line(arch, precision, made, _made(made)))
    for precision, voted in report.vote.items():
        print(_line("**vote**", precision, voted, [""] * 4))
    for arch, artefacts in report.members.items():
        for precision, made in artefacts.items():
            if made.layers:
                worst = ", ".join(f"`{e.layer}` {e.error:.3f}" for e in made.layers[:SHOWN])
                print(f"\n{arch} {precision}, the most sensitive of {len(made.layers)} layers (RMS Δlogit): {worst}")


def _made(made: ArtefactReport) -> list[str]:
    gain = made.gain
    speed = "" if gain.speed is None else f"{gain.speed:.2f}x"
    no_gain = " no gain" if made.no_gain else ""
    return [f"{gain.bytes / 1e6:.1f}", f"{speed}{no_gain}", made.method, str(len(made.float_layers))]


def _line(name: str, precision: str, found: ArtefactReport | VoteReport, middle: list[str]) -> str:
    p = found.parity
    losses = (
        p.accuracy - p.reference_accuracy,
        p.sensitivity - p.reference_sensitivity,
        p.auroc - p.reference_auroc,
    )
    differences = [f"{p.max_abs_logit:.2g}", f"{p.max_abs_probability:.2g}", f"{p.flips} of {p.scans}"]
    gate = "passed" if found.gate.passed else "**refused**"
    return f"| {' | '.join([name, precision, *middle, *differences, *(f'{loss:+.4f}' for loss in losses), gate])} |"


if __name__ == "__main__":
    main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=ExportReport))
