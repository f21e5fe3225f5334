"""Accuracy and calibration over seeds: each member and the vote, with and without OS, with and without a source stage.

    python -m benchmarks.accuracy run DATA_ROOT --init DIR --work DIR [--seed 0 --seed 1 ...]
    python -m benchmarks.accuracy table

``run`` appends one row per training to benchmarks/results/accuracy.jsonl. Rows that are there are not trained again,
an interrupted training goes on where it was, and every set has seed 0 before any has seed 1. ``table`` prints the
rows as Markdown, with intervals over the seeds and paired tests, beside the published figures.
"""

from __future__ import annotations

import sys
import time
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.accuracy.protocols import DATASETS, DISJOINT, PROTOCOLS
from benchmarks.accuracy.rows import ENSEMBLE, Row, Trial, append, read
from benchmarks.accuracy.tables import markdown, mean
from edge_run.errors import EdgeRunError, UsageError

RESULTS = Path(__file__).parents[1] / "results" / "accuracy.jsonl"
ARMS = ("ce", "os")
SOURCES = {"covid-ct": "sars-cov-2-ct"}
"""Which set is fine-tuned on after which other, with ``--source``."""

app = typer.Typer(help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)


def planned(
    seeds: list[int],
    datasets: list[str],
    protocols: list[str],
    arms: list[str],
    *,
    source: bool,
    **setting: Any,  # noqa: ANN401 - the rest of a Trial
) -> list[Trial]:
    """Trials in the order of work: one seed of everything first, so that an interrupted session is a balanced table."""
    trials = []
    for seed, protocol, dataset in product(seeds, protocols, datasets):
        stages = ["", SOURCES[dataset]] if source and protocol == DISJOINT and dataset in SOURCES else [""]
        for stage, arm in product(stages, arms):
            trials.append(Trial(dataset=dataset, protocol=protocol, arm=arm, source=stage, seed=seed, **setting))
    return trials


@app.command()
def run(
    data: Annotated[Path, typer.Argument(help=f"Folder that holds {', '.join(DATASETS)}.")],
    work: Annotated[Path, typer.Option(help="Folder for the training in progress; emptied row by row.")],
    init: Annotated[str, typer.Option(help="Starting weights, as for edge-run train.")] = "imagenet",
    results: Annotated[Path, typer.Option(help="File of rows, appended to.")] = RESULTS,
    dataset: Annotated[list[str] | None, typer.Option(help="May be repeated; all by default.")] = None,
    protocol: Annotated[list[str] | None, typer.Option(help="May be repeated; both by default.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="ce, os; may be repeated; both by default.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="May be repeated; 0, 1, 2 by default.")] = None,
    members: Annotated[str, typer.Option(help="Networks, with commas between them.")] = "resnet18",
    size: Annotated[int, typer.Option(help="Side of their input, pixels.")] = 112,
    epochs: Annotated[int, typer.Option(help="Passes over the set, and over the source set.")] = 6,
    source: Annotated[bool, typer.Option("--source", help="COVID-CT also after a stage on SARS-CoV-2 CT.")] = False,
    threads: Annotated[int | None, typer.Option(help="PyTorch's threads; all cores by default.")] = None,
) -> None:
    """Train what is missing; one line on stderr per finished row."""
    trials = planned(
        seed or [0, 1, 2],
        _chosen(dataset, DATASETS),
        _chosen(protocol, PROTOCOLS),
        _chosen(arm, ARMS),
        source=source,
        members=tuple(members.split(",")),
        size=size,
        epochs=epochs,
        init=Path(init).name,
    )
    from edge_train import use_threads

    use_threads(threads)
    train_missing(trials, data, work, init, results)


def train_missing(trials: list[Trial], data: Path, work: Path, init: str, results: Path) -> None:
    """Train and append the trials that ``results`` lacks, in this order."""
    from benchmarks.accuracy.trial import forget, run_trial

    for position, trial in enumerate(trials, start=1):
        # Read again each time: another process may fill the same file.
        if all(row.trial != trial for row in read([results])):
            begin = time.monotonic()
            row = run_trial(trial, data, work, init, say=_say)
            append(results, row)
            _say(f"{position}/{len(trials)}  {_line(row)}  {time.monotonic() - begin:.0f} s")
        # Also where a kill came between the row and this.
        forget(trial, work)


@app.command()
def table(
    results: Annotated[list[Path] | None, typer.Argument(help="Files of rows, joined.")] = None,
) -> None:
    """Print the rows as Markdown."""
    print(markdown(read(results or [RESULTS])))


def _chosen(asked: list[str] | None, choices: tuple[str, ...]) -> list[str]:
    unknown = [name for name in asked or [] if name not in choices]
    if unknown:
        raise UsageError(f"unknown: {', '.join(unknown)}", hint=f"choose from {', '.join(choices)}")
    return asked or list(choices)


def _line(row: Row) -> str:
    """The trial and its answer, in one line."""
    trial, answer = row.trial, row.test[ENSEMBLE]
    stage = f" from {trial.source}" if trial.source else ""
    found = "  ".join(f"{name} {mean([answer[name]])}" for name in ("accuracy", "auroc", "ece"))
    return f"{trial.dataset} {trial.protocol} {trial.arm}{stage} seed {trial.seed}  {found}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        app()
    except EdgeRunError as error:
        _say(f"error: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""))
        sys.exit(error.exit_code)
