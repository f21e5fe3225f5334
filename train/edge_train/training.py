"""``edge-run train``: labelled scans -> run directory."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import lightning.pytorch as pl
import msgspec
import numpy as np
import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from edge_run._files import sha256_file, sha256_parts
from edge_run._version import __version__
from edge_run.errors import UsageError
from edge_run.machine.cores import allowed_cores

from . import run as runs
from .config import MemberSpec, TrainConfig
from .data.dataset import Dataset, decode, read_folders, write_splits_csv
from .fit.calibrate import read_rule
from .fit.fit import CHECKPOINT, Labelled, chosen_precision, fit
from .fit.fit_ensemble import conclude
from .networks.initial import build, load_trunk
from .networks.member import MODEL, Member
from .run import SCHEMA_VERSION, DataRecord, MemberRecord, Run, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_run.scan.preprocessing import PreprocessSpec

    Say = Callable[[str], None]

VERSIONED = ("numpy", "opencv-python-headless", "torch", "torchvision", "lightning", "safetensors")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a training was started with; a resumed one must ask for the same, or its weights would be others."""

    config: TrainConfig
    data: str
    source: str
    arithmetic: str
    threads: int


class Material(NamedTuple):
    """A checked data set and its preprocessed pixels, ``[N, size, size] uint8``."""

    dataset: Dataset
    pixels: np.ndarray[Any, np.dtype[np.uint8]]

    def part(self, split: str) -> Labelled:
        """Scans and targets of one split."""
        chosen = np.array([sample.split == split for sample in self.dataset.samples])
        return Labelled(self.pixels[chosen], self.dataset.targets[chosen])


def train(
    folders: Sequence[Path],
    out: Path,
    config: TrainConfig,
    *,
    source: Sequence[Path] = (),
    positive: str | None = None,
    operating_point: str = "0.5",
    resume: bool = False,
    hardware: Mapping[str, Any] | None = None,
    command: str = "",
    say: Say = lambda _: None,
) -> Run:
    """Fine-tune every member, fit the vote on the validation split, and leave a run directory.

    Parameters
    ----------
    folders
        Labelled scans, joined.
    source
        Another medical set to fine-tune on first, with its own labels (domain adaptation).
    positive
        The label that sensitivity speaks of; the first one by default.
    operating_point
        See :func:`edge_train.fit.calibrate.fit_threshold`.
    resume
        Go on with what is in ``out``.

    Raises
    ------
    UsageError
        ``out`` is taken, or holds a training with other settings.
    DataError
        The scans cannot be trained on.
    """
    try:
        read_rule(operating_point)
    except ValueError as error:
        raise UsageError(str(error), hint="--operating-point 0.5") from error
    if not is_first_process():
        say = _silent
    target = _read(folders, config.preprocess, config.seed, say)
    first = _read(source, config.preprocess, config.seed, say) if source else None
    positive = positive or target.dataset.labels[0]
    if positive not in target.dataset.labels:
        raise UsageError(
            f"positive class {positive!r} is not a label",
            hint=f"choose from {', '.join(target.dataset.labels)}",
        )
    # Where the starting weights lay is nobody's business; what they were is in each member's hash.
    portable = msgspec.structs.replace(config, init=Path(config.init).name)
    arithmetic, threads = chosen_precision(config), torch.get_num_threads()
    if is_first_process():
        source_fingerprint = first.dataset.fingerprint if first else ""
        request = Request(portable, target.dataset.fingerprint, source_fingerprint, arithmetic, threads)
        _claim(out, request, resume=resume)
        write_splits_csv(target.dataset, out / "splits.csv")
    members = tuple(
        _train_member(spec, target, first, config, out / "members" / spec.id, resume, hardware, say)
        for spec in config.members
    )
    if not is_first_process():
        # Lightning started this process to share the training; the first one concludes alone.
        sys.exit(0)
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        command=command,
        labels=target.dataset.labels,
        positive=positive,
        config=portable,
        data=_describe(target.dataset, folders),
        source=_describe(first.dataset, source) if first else None,
        members=members,
        versions=_versions(),
        arithmetic=arithmetic,
        threads=threads,
    )
    runs.write(out / "run.json", record)
    conclude(out, record, target.dataset, target.pixels, operating_point=operating_point, say=say)
    return Run(out)


def is_first_process() -> bool:
    """Whether this is the process that writes, of those that share a training."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def _silent(_: str) -> None:
    pass


def _read(folders: Sequence[Path], spec: PreprocessSpec, seed: int, say: Say) -> Material:
    dataset = read_folders(folders, seed=seed)
    for warning in dataset.warnings:
        say(f"note: {warning}")
    pixels = decode(dataset.samples, spec).pixels
    say(f"read {len(pixels)} scans of {', '.join(dataset.labels)} (split: {dataset.split_source})")
    return Material(dataset, pixels)


def _claim(out: Path, request: Request, *, resume: bool) -> None:
    """Take the output folder, or make sure that it holds this very training."""
    file = out / "request.json"
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", hint="choose a folder as --out")
    if not resume:
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} is not empty", hint="add --resume to go on with it, or choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        runs.write(file, request)
        return
    if not file.exists():
        raise UsageError(f"there is no training to resume in {out}", hint="leave --resume out")
    begun = runs.read(file, Request)
    asked, had = _flat(msgspec.to_builtins(request)), _flat(msgspec.to_builtins(begun))
    different = [
        f"{name} was {had.get(name)!r}, now {asked.get(name)!r}"
        for name in sorted(had.keys() | asked.keys())
        if had.get(name) != asked.get(name)
    ]
    if different:
        raise UsageError(
            f"{out} holds a training with other settings: {'; '.join(different)}",
            hint="give the settings it was started with, or choose another --out",
        )


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat


def _train_member(
    spec: MemberSpec,
    target: Material,
    first: Material | None,
    config: TrainConfig,
    folder: Path,
    resume: bool,
    hardware: Mapping[str, Any] | None,
    say: Say,
) -> MemberRecord:
    done = folder / "member.json"
    if resume and done.exists():
        say(f"{spec.id}: trained already")
        return runs.read(done, MemberRecord)
    # The seed of the whole training plus the member's own decides its head, its order and its augmentation.
    config = msgspec.structs.replace(config, seed=config.seed + spec.seed)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    member = build(spec.arch, len((first or target).dataset.labels), config.init)
    options = {"resume": resume, "hardware": hardware, "say": say}
    if first:
        say(f"{spec.id}: source stage on {len(first.part('train').targets)} scans")
        train_set, val_set = first.part("train"), first.part("val")
        fit(member, train_set, val_set, config, folder / "source", epochs=config.source_epochs, **options)  # type: ignore[arg-type]
        # Seeded again, so that the new head does not depend on whether the source stage ran in this process.
        pl.seed_everything(config.seed, workers=True, verbose=False)
        member = _swap_head(member, len(target.dataset.labels))
    started_from = state_hash(member)
    say(f"{spec.id}: fine-tuning on {len(target.part('train').targets)} scans")
    epochs = config.epochs_for(spec.id)
    fit(member, target.part("train"), target.part("val"), config, folder, epochs=epochs, **options)  # type: ignore[arg-type]
    record = MemberRecord(
        spec.id,
        spec.arch,
        *member.normalisation,
        sha256_file(folder / MODEL),
        started_from,
        config.averaged(epochs),
    )
    if not is_first_process():
        return record
    runs.write(done, record)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    shutil.rmtree(folder / "source", ignore_errors=True)
    return record


def _swap_head(member: Member, classes: int) -> Member:
    """The same trunk with a fresh head for other labels."""
    fresh = Member(member.arch, classes, member.normalisation)
    load_trunk(fresh, member.net.state_dict(), source="source stage")
    return fresh


def state_hash(member: Member) -> str:
    """Hex SHA-256 over the names and bytes of a network's state."""
    state = sorted(member.net.state_dict().items())
    return sha256_parts(part for name, value in state for part in (name.encode(), value.numpy().tobytes()))


def _describe(dataset: Dataset, folders: Sequence[Path]) -> DataRecord:
    counts: dict[str, dict[str, int]] = {}
    for sample in dataset.samples:
        split = counts.setdefault(sample.split, dict.fromkeys(dataset.labels, 0))
        split[sample.label] += 1
    names = tuple(Path(folder).resolve().name for folder in folders)
    return DataRecord(names, dataset.fingerprint, dataset.split_source, counts, dataset.warnings)


def _versions() -> dict[str, str]:
    found = {"edge-run": __version__}
    for package in VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    commit = _commit()
    return found | ({"commit": commit} if commit else {})


def _commit() -> str:
    """The commit of a source checkout, empty for an installed package."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    git = shutil.which("git")
    if git is None:
        return ""
    answer = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", os.fspath(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def use_threads(threads: int | None) -> None:
    """Set PyTorch's threads: as asked, or the cores this process may use. Their number changes sums in the last bit."""
    torch.set_num_threads(threads or allowed_cores())
