"""One trial: link the scans, train, measure what the run predicts."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from benchmarks.accuracy.protocols import link
from benchmarks.accuracy.rows import ENSEMBLE, Figures, Row, Trial
from benchmarks.predictions import read_predictions
from edge_run import PreprocessSpec
from edge_run.machine.processor import cpu_name
from edge_run.metrics.figures import measure
from edge_run.voting.vote import softmax, vote
from edge_train import OrthogonalSpheres, Run, TrainConfig, default_members, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

DIGITS = 6
ARMS = {"ce": OrthogonalSpheres(weight=0.0), "os": OrthogonalSpheres()}


def name_of(trial: Trial) -> str:
    """Folder of a trial's training."""
    stage = f"-from-{trial.source}" if trial.source else ""
    setting = f"{'+'.join(trial.members)}-{trial.size}px-{trial.epochs}ep-{trial.init}"
    return f"{trial.dataset}-{trial.protocol}-{trial.arm}{stage}-{setting}-seed{trial.seed}"


def config_of(trial: Trial, init: str) -> TrainConfig:
    """Settings of a trial's training; what the trial does not name stays at its default."""
    return TrainConfig(
        members=default_members(*trial.members),
        init=init,
        epochs=trial.epochs,
        source_epochs=trial.epochs,
        seed=trial.seed,
        orthogonal_spheres=ARMS[trial.arm],
        preprocess=PreprocessSpec(size=trial.size),
    )


def run_trial(
    trial: Trial,
    data: Path,
    work: Path,
    init: str,
    *,
    hardware: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Row:
    """Train, or go on with what is in ``work``, and measure.

    Parameters
    ----------
    data
        Folder of the sets.
    init
        Starting weights, as for ``edge-run train``.

    Raises
    ------
    UsageError
        ``work`` holds this trial begun with other scans, threads or arithmetic.
    DataError
        A set is missing or cannot be trained on.
    """
    out = work / name_of(trial)
    begun = (out / "request.json").exists()
    if not begun:
        shutil.rmtree(out, ignore_errors=True)
    scans = link(trial.protocol, data / trial.dataset, trial.seed, work / "data" / name_of(trial) / trial.dataset)
    started = time.perf_counter()
    run = train(
        [scans],
        out,
        config_of(trial, init),
        source=[data / trial.source] if trial.source else [],
        resume=begun,
        hardware=hardware or {"devices": 1},
        accept_weak_vote=True,
        say=say,
    )
    seconds = None if begun else round(time.perf_counter() - started, 1)
    return _row(trial, run, seconds)


def forget(trial: Trial, work: Path) -> None:
    """Delete what a trial left: a training of four members is half a gigabyte."""
    shutil.rmtree(work / name_of(trial), ignore_errors=True)
    shutil.rmtree(work / "data" / name_of(trial), ignore_errors=True)


def _row(trial: Trial, run: Run, seconds: float | None) -> Row:
    test, uncalibrated = figures(run, "test")
    record = run.record
    return Row(
        trial=trial,
        test=test,
        val=figures(run, "val")[0],
        uncalibrated=uncalibrated,
        scans=record.data.counts,
        config=msgspec.to_builtins(record.config),
        versions=record.versions,
        arithmetic=record.arithmetic,
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else cpu_name(),
        threads=record.threads,
        seconds=seconds,
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        initial_sha256={member.id: member.initial_sha256 for member in record.members},
    )


def figures(run: Run, split: str) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """Figures of one split: of each member as it votes and of the vote; then of each member at temperature 1."""
    logits, targets, _ = read_predictions(run, split)
    positive, threshold = run.record.labels.index(run.record.positive), run.ensemble.threshold

    def judged(probabilities: NDArray[np.float64]) -> Figures:
        found = measure(probabilities, targets, positive=positive, threshold=threshold)
        return {k: None if np.isnan(v) else round(v, DIGITS) for k, v in msgspec.structs.asdict(found).items()}

    voters = run.ensemble.members
    members = np.stack([softmax(logits[voter.id], voter.temperature) for voter in voters])
    calibrated = {voter.id: judged(p) for voter, p in zip(voters, members, strict=True)}
    calibrated[ENSEMBLE] = judged(vote(members, [voter.weight for voter in voters]))
    return calibrated, {arch: judged(softmax(values, 1.0)) for arch, values in logits.items()}
