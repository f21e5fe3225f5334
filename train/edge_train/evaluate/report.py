"""An evaluation for people and programs: a table, JSON, predictions as CSV, pictures."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import msgspec

from edge_run.voting.vote import decide

from . import plots, risk
from .flags import in_words, working_point

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.metrics.bootstrap import Interval
    from edge_train.data.dataset import Dataset

    from .records import Evaluation

_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1": "F1",
    "auroc": "AUROC",
    "ece": "ECE",
    "mce": "MCE",
    "brier": "Brier",
    "nll": "NLL",
    "aurc": "AURC",
}
_OF_CONTROL = ("accuracy", "balanced_accuracy", "auroc")


def to_json(evaluation: Evaluation) -> bytes:
    """``evaluation.json``: indented UTF-8, one line feed at the end."""
    return msgspec.json.format(msgspec.json.encode(evaluation), indent=2) + b"\n"


def write(out: Path, evaluation: Evaluation, part: Dataset, answers: Mapping[str, NDArray[np.float64]]) -> None:
    """Write every file of an evaluation into a folder that exists.

    Parameters
    ----------
    part
        The samples that were answered.
    answers
        Probabilities ``[N, C]`` of each member and of ``ensemble``.
    """
    (out / "evaluation.json").write_bytes(to_json(evaluation))
    positive, threshold = evaluation.labels.index(evaluation.positive), evaluation.threshold
    decided = {name: decide(p, positive=positive, threshold=threshold) for name, p in answers.items()}
    _write_predictions(out / "predictions.csv", part, answers, decided)
    voted, targets = answers["ensemble"], part.targets
    title = f"{evaluation.name}, {evaluation.data.split}"
    plots.confusion_matrix(out / "confusion.png", decided["ensemble"], targets, part.labels, title=title)
    plots.reliability(out / "reliability.png", voted, targets, positive=positive, threshold=threshold, title=title)
    plots.roc(
        out / "roc.png",
        {name: (p, targets) for name, p in answers.items()},
        positive=positive,
        thresholds={"ensemble": threshold} if threshold is not None and len(part.labels) == 2 else None,
        title=f"{title}: {evaluation.positive}",
    )
    risk.draw(
        out / "risk_coverage.png",
        {name: (p, targets) for name, p in answers.items()},
        positive=positive,
        threshold=threshold,
        point=working_point(evaluation.flags),
        title=title,
    )


def _write_predictions(
    path: Path,
    part: Dataset,
    answers: Mapping[str, NDArray[np.float64]],
    decided: Mapping[str, NDArray[np.int64]],
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "label", "group", "classifier", "decided", *(f"p_{x}" for x in part.labels)])
        for classifier, p in answers.items():
            for sample, index, row in zip(part.samples, decided[classifier], p, strict=True):
                answer = part.labels[index]
                writer.writerow([sample.name, sample.label, sample.group, classifier, answer, *map(float, row)])


def table(evaluation: Evaluation) -> str:
    """Lay out the figures for a person: one line per figure, one column per member, the vote last.

    Four members take 115 columns.
    """
    classifiers = {**evaluation.members, "ensemble": evaluation.ensemble}
    rows = [["", *classifiers], ["weight", *(f"{w:.3f}" for w in evaluation.weights.values()), ""]]
    rows += [[shown, *(_cell(each.figures[name]) for each in classifiers.values())] for name, shown in _NAMES.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    flags = ["", *in_words(evaluation.flags)] if evaluation.flags is not None else []
    return "\n".join([_heading(evaluation), "", *lines, "", *_legend(evaluation), *flags, "", *_control(evaluation)])


def _heading(evaluation: Evaluation) -> str:
    data, by = evaluation.data, evaluation.answered_by
    counts = ", ".join(f"{count} {label}" for label, count in data.counts.items())
    how = f" ({by['backend']}, {by['precision']})" if {"backend", "precision"} <= set(by) else ""
    return f"{evaluation.name}{how} on {data.split}: {data.scans} scans ({counts}) of {data.groups} groups"


def _legend(evaluation: Evaluation) -> list[str]:
    two = evaluation.threshold is not None and len(evaluation.labels) == 2
    point = f", operating point {evaluation.threshold:.3f}" if two else ""
    return [
        f"[low high] is the {evaluation.level:.0%} interval, bootstrapped over groups.",
        f"The positive class is {evaluation.positive}{point}.",
        "Brier is the sum over classes, 0 to 2; NLL is in nats; AURC, the mean error of the most confident k over k.",
    ]


def _control(evaluation: Evaluation) -> list[str]:
    control = evaluation.border_only
    grey = "black" if control.fill == 0 else f"grey {control.fill}"
    figures = ", ".join(f"{_NAMES[name]} {_cell(control.figures[name])}" for name in _OF_CONTROL)
    return [
        f"border only: {figures}",
        f"  The ensemble where the central {control.blanked:.0%} of height and width is {grey}:",
        "  what the picture's border alone gives away; an AUROC near 0.5 is right.",
    ]


def _cell(interval: Interval) -> str:
    return f"{interval.value:.3f} [{interval.low:.2f} {interval.high:.2f}]"
