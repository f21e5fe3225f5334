"""The result of a training, in lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_train import run as runs

from .fit_ensemble import FITTED_ON, RunMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from edge_run.metrics.bootstrap import Interval
    from edge_train.data.dataset import Dataset

FIGURES = {"accuracy": "accuracy", "auroc": "AUROC", "ece": "ECE"}
FEW = 200
"""Fewer validation scans than this leave intervals that are too wide to choose by."""


def say_result(out: Path, dataset: Dataset, folders: Sequence[Path], say: Callable[[str], None]) -> None:
    """Say the result of a run that is written, see :func:`result_lines`."""
    metrics = runs.read(out / "metrics.json", RunMetrics)
    for line in result_lines(metrics, dataset.of(FITTED_ON), out, " ".join(map(str, folders))):
        say(line)


def result_lines(metrics: RunMetrics, part: Dataset, out: Path, data: str) -> list[str]:
    """Describe the vote beside each member and chance, and name the next command.

    Parameters
    ----------
    metrics
        Figures with 95 % intervals over groups.
    part
        The scans that they were measured on.
    data
        The data folders as they are written in a command.
    """
    rows = {"vote": metrics.ensemble} | metrics.members
    width = max(len(name) for name in rows) + 2
    head = f"{'':{width}}" + "".join(f"{title:<22}" for title in FIGURES.values())
    lines = ["", f"on {len(part.targets)} validation scans of {len(set(part.groups))} groups:", head.rstrip()]
    lines += [f"{name:{width}}{_cells(figures)}".rstrip() for name, figures in rows.items()]
    share = float(np.bincount(part.targets).max() / len(part.targets))
    lines.append(f"{'chance':{width}}{share:<22.3f}{0.5:.3f}")
    lines.append("[low high] is the 95 % interval. These scans also fitted the vote: on others it does a little worse.")
    if len(part.targets) < FEW:
        lines.append(f"warning: {len(part.targets)} validation scans are few; the intervals say how much is open")
    plots = out / "plots" / "training.png"
    return [*lines, f"curves: {plots}", f"next:   edge-run evaluate {out} {data} --split test"]


def _cells(figures: Mapping[str, Interval]) -> str:
    shown = [figures.get(name, None) for name in FIGURES]
    cells = ["" if f is None else f"{f.value:.3f} [{f.low:.3f} {f.high:.3f}]" for f in shown]
    return "".join(f"{cell:<22}" for cell in cells)
