"""``edge-run train``: labelled scans -> run directory."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from edge_run.calibration.operating_point import read_rule
from edge_run.errors import UsageError

from . import run as runs
from .config import TrainConfig, spell_members
from .data.dataset import decode, read_folders, write_splits_csv
from .data.prepared import PreparedData
from .fit.fit import DivergedError, chosen_precision
from .fit.fit_ensemble import fit_and_write_ensemble
from .fit.progress import TrainingProgress
from .fit.result import say_result
from .fit.train_member import Stages, is_first_process, train_member
from .provenance import describe_data, package_versions
from .request import SPLITS_TABLE, Request, claimed_folder
from .run import SCHEMA_VERSION, Run, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_run.scan.preprocessing import PreprocessSpec

    from .data.dataset import Dataset
    from .run import DataRecord, MemberRecord

    Say = Callable[[str], None]


def train(
    folders: Sequence[Path],
    out: Path,
    config: TrainConfig,
    *,
    source: Sequence[Path] = (),
    positive: str | None = None,
    operating_point: str = "0.5",
    accept_weak_vote: bool = False,
    resume: bool = False,
    hardware: Mapping[str, Any] | None = None,
    command: str = "",
    say: Say = lambda _: None,
    progress: TrainingProgress | None = None,
) -> Run:
    """Fine-tune every member, fit the vote on the validation split, and leave a run directory.

    Parameters
    ----------
    folders
        Labelled scans, joined.
    source
        Another medical set to fine-tune on first, with its own labels (domain adaptation).
    positive
        The positive class, whose recall is the sensitivity; the first label by default.
    operating_point
        See :func:`edge_run.calibration.operating_point.fit_threshold`.
    accept_weak_vote
        Keep a vote that is not better than chance, or worse than its best member, with a warning in its record.
    resume
        Go on with what is in ``out``.
    say
        Receives what happens, in lines.
    progress
        Receives how far the members are; by default, ``say`` gets a line for each epoch.

    Raises
    ------
    UsageError
        ``out`` is taken, or holds a training with other settings.
    DataError
        The scans cannot be trained on.
    DivergedError
        A member's loss is not finite; the other members are trained, and a resumed training may leave it out.
    GateError
        The vote is not better than chance, or worse than its best member.
    """
    _check_rule(operating_point)
    if not is_first_process():
        say, progress = _silent, None
    progress = progress or TrainingProgress(say)
    stages = Stages(
        _read(folders, config.preprocess, config.seed, say),
        _read(source, config.preprocess, config.seed, say) if source else None,
    )
    dataset = stages.target.dataset
    positive = _positive(positive, dataset.labels)
    # Where the starting weights lay is nobody's business; what they were is in each member's hash.
    portable = msgspec.structs.replace(config, init=Path(config.init).name)
    source_fingerprint = stages.source.dataset.fingerprint if stages.source else ""
    arithmetic, threads = chosen_precision(config), torch.get_num_threads()
    request = Request(portable, dataset.fingerprint, source_fingerprint, arithmetic, threads, positive, operating_point)
    if not is_first_process():
        _train_members(stages, config, out, resume=resume, hardware=hardware, progress=progress)
        # Lightning started this process to share the training; the first one fits the vote alone.
        sys.exit(0)
    with claimed_folder(out, request, resume=resume):
        write_splits_csv(dataset, out / SPLITS_TABLE)
        members = _train_members(stages, config, out, resume=resume, hardware=hardware, progress=progress)
        source_data = describe_data(stages.source.dataset, source) if stages.source else None
        record = _record(request, dataset, describe_data(dataset, folders), source_data, members, command)
        runs.write(out / "run.json", record)
        fit_and_write_ensemble(
            out,
            record,
            dataset,
            stages.target.pixels,
            operating_point=operating_point,
            accept_weak_vote=accept_weak_vote,
            say=say,
        )
        say_result(out, dataset, folders, say)
    return Run(out)


def _record(
    request: Request,
    dataset: Dataset,
    data: DataRecord,
    source: DataRecord | None,
    members: tuple[MemberRecord, ...],
    command: str,
) -> RunRecord:
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        command=command,
        labels=dataset.labels,
        positive=request.positive or dataset.labels[0],
        config=request.config,
        data=data,
        source=source,
        members=members,
        versions=package_versions(),
        arithmetic=request.arithmetic,
        threads=request.threads,
    )


def _train_members(
    stages: Stages,
    config: TrainConfig,
    out: Path,
    *,
    resume: bool,
    hardware: Mapping[str, Any] | None,
    progress: TrainingProgress,
) -> tuple[MemberRecord, ...]:
    """Train one member after the other; one that diverges does not stop the others.

    Raises
    ------
    DivergedError
        At least one member diverged; the others are trained and kept.
    """
    trained, diverged = [], {}
    for spec in config.members:
        folder = out / "members" / spec.id
        try:
            member = train_member(spec, stages, config, folder, resume=resume, hardware=hardware, progress=progress)
            trained.append(member)
        except DivergedError as error:
            progress.say(f"{spec.id}: {error.message}")
            diverged[spec.id] = error.message
    if diverged:
        rest = spell_members([spec for spec in config.members if spec.id not in diverged])
        others = f", or go on without it: --resume --members {rest}" if rest else ""
        raise DivergedError(
            "; ".join(f"{member_id}: {message}" for member_id, message in diverged.items()),
            hint=f"choose a lower --learning-rate and another --out{others}",
        )
    return tuple(trained)


def _check_rule(operating_point: str) -> None:
    try:
        read_rule(operating_point)
    except ValueError as error:
        raise UsageError(str(error), hint="--operating-point 0.5") from error


def _positive(wanted: str | None, labels: Sequence[str]) -> str:
    positive = wanted or labels[0]
    if positive not in labels:
        raise UsageError(f"positive class {positive!r} is not a label", hint=f"choose from {', '.join(labels)}")
    return positive


def _silent(_: str) -> None:
    pass


def _read(folders: Sequence[Path], spec: PreprocessSpec, seed: int, say: Say) -> PreparedData:
    dataset = read_folders(folders, seed=seed)
    for warning in dataset.warnings:
        say(f"note: {warning}")
    pixels = decode(dataset.samples, spec).pixels
    say(f"read {len(pixels)} scans of {', '.join(dataset.labels)} (split: {dataset.split_source})")
    return PreparedData(dataset, pixels)
