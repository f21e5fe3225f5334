"""Train one member of a run: its source stage, its target stage, and its record."""

from __future__ import annotations

import csv
import math
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import lightning.pytorch as pl
import msgspec
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from edge_run._files import sha256_file, sha256_parts
from edge_train import run as runs
from edge_train.networks.initial import build, load_trunk
from edge_train.networks.member import MODEL, Member
from edge_train.run import MemberRecord

from .fit import CHECKPOINT, HISTORY, fit
from .progress import TrainingProgress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge_train.config import MemberSpec, TrainConfig
    from edge_train.data.prepared import PreparedData

MEMBER = "member.json"


class Stages(NamedTuple):
    """The data of a training: the target set, and the medical set of the stage before it, if there is one."""

    target: PreparedData
    source: PreparedData | None = None


def train_member(
    spec: MemberSpec,
    stages: Stages,
    config: TrainConfig,
    folder: Path,
    *,
    resume: bool = False,
    hardware: Mapping[str, Any] | None = None,
    progress: TrainingProgress = TrainingProgress(),  # noqa: B008 - it keeps nothing
) -> MemberRecord:
    """Train one member, or take it from its folder if it is trained already.

    Parameters
    ----------
    folder
        Receives ``model.safetensors``, ``history.csv`` and ``member.json``.
    resume
        Go on with what is in ``folder``.
    hardware
        Lightning's ``accelerator``, ``devices``, ``num_nodes``, ``strategy``.

    Raises
    ------
    DivergedError
        An epoch has a figure that is not finite.
    """
    done = folder / MEMBER
    if resume and done.exists() and _is_finite(folder / HISTORY):
        progress.end(spec.id, already=True)
        return runs.read(done, MemberRecord)
    # The seed of the whole training plus the member's own decides its head, its order and its augmentation.
    epochs = config.epochs_for(spec.id)
    alone = (msgspec.structs.replace(spec, seed=0),)
    config = msgspec.structs.replace(config, seed=config.seed + spec.seed, members=alone, member_epochs={})
    options: dict[str, Any] = {"resume": resume, "hardware": hardware, "progress": progress}
    member = _starting_member(spec, stages, config, folder, options)
    started_from = state_hash(member)
    train, val = stages.target.part("train"), stages.target.part("val")
    progress.begin(spec.id, "fine-tuning", len(train.targets))
    fit(member, train, val, config, folder, epochs=epochs, **options)
    weights, averaged = sha256_file(folder / MODEL), config.averaged(epochs)
    record = MemberRecord(spec.id, spec.arch, *member.normalisation, weights, started_from, averaged)
    if is_first_process():
        runs.write(done, record)
        (folder / CHECKPOINT).unlink(missing_ok=True)
        shutil.rmtree(folder / "source", ignore_errors=True)
    progress.end(spec.id)
    return record


def _is_finite(history: Path) -> bool:
    """Tell whether every figure of a finished training is finite; edge-run 0.1 finished those that diverged, too."""
    with history.open(newline="") as file:
        return all(math.isfinite(float(value)) for row in csv.DictReader(file) for value in row.values())


def _starting_member(
    spec: MemberSpec, stages: Stages, config: TrainConfig, folder: Path, options: dict[str, Any]
) -> Member:
    """Build the member that the target stage starts from; with a source set, train on that first."""
    pl.seed_everything(config.seed, workers=True, verbose=False)
    member = build(spec.arch, len((stages.source or stages.target).dataset.labels), config.init)
    if stages.source is None:
        return member
    train, val = stages.source.part("train"), stages.source.part("val")
    options["progress"].begin(spec.id, "source stage", len(train.targets))
    fit(member, train, val, config, folder / "source", epochs=config.source_epochs, **options)
    # Seeded again, so that the new head does not depend on whether the source stage ran in this process.
    pl.seed_everything(config.seed, workers=True, verbose=False)
    return _with_fresh_head(member, len(stages.target.dataset.labels))


def _with_fresh_head(member: Member, classes: int) -> Member:
    """Return the same trunk with a fresh head for other labels."""
    fresh = Member(member.arch, classes, member.normalisation)
    load_trunk(fresh, member.net.state_dict(), source="source stage")
    return fresh


def state_hash(member: Member) -> str:
    """Return the SHA-256, 64 hexadecimal digits, over the names and bytes of a network's state."""
    state = sorted(member.net.state_dict().items())
    return sha256_parts(part for name, value in state for part in (name.encode(), value.numpy().tobytes()))


def is_first_process() -> bool:
    """Tell whether this is the process that writes, of those that share a training."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
