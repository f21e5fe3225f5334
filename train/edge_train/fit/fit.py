"""Fine-tune one member on one labelled set, with Lightning's loop."""

from __future__ import annotations

import csv
import logging
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from safetensors.torch import load_file, save_file

from edge_run._files import replacing
from edge_run.errors import GateError, UsageError
from edge_run.machine.processor import cpu_flags
from edge_train.data.batches import loader
from edge_train.networks.member import MODEL

from .checkpoint import SafeCheckpointIO
from .module import FineTuning
from .progress import Epoch, TrainingProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from edge_train.config import TrainConfig
    from edge_train.data.prepared import Labelled
    from edge_train.networks.member import Member

CHECKPOINT = "checkpoint.ckpt"
HISTORY = "history.csv"


class DivergedError(GateError):
    """A training has a figure that is not finite: its weights are of no use any more."""


class EpochAverage(Callback):
    """Average the weights over the ends of the last epochs, and record every epoch.

    Parameters
    ----------
    folder
        Gets ``model.safetensors`` (the mean so far) and ``history.csv`` after each epoch.
    last
        Number of epochs that are averaged. Running statistics of BatchNorm are averaged like the weights.
    """

    def __init__(self, folder: Path, last: int, progress: TrainingProgress) -> None:
        self.folder, self.last, self.progress = folder, last, progress
        self.history: list[dict[str, float]] = []
        self._mean: dict[str, Tensor] = {}
        self._count = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the epoch, and add its weights to the mean if it is one of the last.

        Raises
        ------
        DivergedError
            A loss or an accuracy of the epoch is not finite.
        """
        names = ("train_ce", "train_os", "val_nll", "val_accuracy")
        row = {
            "epoch": float(trainer.current_epoch),
            **{n: float(trainer.callback_metrics[n]) for n in names},
        }
        wrong = [name for name, value in row.items() if not math.isfinite(value)]
        if wrong:
            raise DivergedError(
                f"the training diverged in epoch {trainer.current_epoch + 1}: {' and '.join(wrong)} are not finite",
                hint="choose a lower --learning-rate and another --out",
            )
        self.history = [*self.history[: trainer.current_epoch], row]
        averaged = trainer.current_epoch >= int(trainer.max_epochs or 0) - self.last
        if averaged:
            self._add(pl_module.member.net.state_dict())  # type: ignore[union-attr]
        if not trainer.is_global_zero:
            return
        if averaged:
            save_state(self._mean, self.folder / MODEL)
        write_history(self.folder / HISTORY, self.history)
        figures = {name: row[name] for name in names}
        epochs = int(trainer.max_epochs or 0)
        self.progress.epoch(Epoch(trainer.current_epoch + 1, epochs, **figures, averaged=averaged))

    def on_train_batch_end(
        self, trainer: pl.Trainer, _module: pl.LightningModule, _outputs: object, _batch: object, batch_idx: int
    ) -> None:
        """Pass on how many batches are done."""
        batches, epochs = int(trainer.num_training_batches), int(trainer.max_epochs or 0)
        self.progress.batch(trainer.current_epoch + 1, epochs, batch_idx + 1, batches)

    def _add(self, state: Mapping[str, Tensor]) -> None:
        self._count += 1
        for name, value in state.items():
            new = value.detach().cpu()
            old = self._mean.get(name)
            # BatchNorm's batch counter is the only whole number; the newest one stands.
            keep = old is None or not new.is_floating_point()
            self._mean[name] = new.clone() if keep else torch.lerp(old, new, 1 / self._count)  # type: ignore[arg-type]

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"history": self.history, "mean": self._mean, "count": self._count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What a resumed training gets back."""
        self.history, self._mean = list(state_dict["history"]), dict(state_dict["mean"])
        self._count = int(state_dict["count"])


def fit(
    member: Member,
    train: Labelled,
    val: Labelled,
    config: TrainConfig,
    folder: Path,
    *,
    epochs: int,
    resume: bool = False,
    hardware: Mapping[str, Any] | None = None,
    progress: TrainingProgress = TrainingProgress(),  # noqa: B008 - it keeps nothing
) -> list[dict[str, float]]:
    """Fine-tune ``member`` in place and leave it with the mean of its last epochs' weights.

    Parameters
    ----------
    folder
        Gets ``model.safetensors``, ``history.csv`` and, while training, ``checkpoint.ckpt``.
    resume
        Go on from the checkpoint in ``folder``, if there is one. Order, augmentation and dropout depend on the
        epoch alone, so the result is that of an unbroken training.
    hardware
        Lightning's ``accelerator``, ``devices``, ``num_nodes``, ``strategy``, where they are not to be chosen by it.

    Returns
    -------
    One row per epoch: ``epoch, train_ce, train_os, val_nll, val_accuracy``.

    Raises
    ------
    DivergedError
        An epoch has a figure that is not finite. The checkpoint is deleted, so that a resumed training starts over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    if not resume:
        checkpoint.unlink(missing_ok=True)
    average = EpochAverage(folder, config.averaged(epochs), progress)
    trainer = _trainer(config, folder, average, epochs, dict(hardware or {}))
    task = FineTuning(
        member.to(memory_format=torch.channels_last),
        config,
        class_weights(train.targets, member.head.out_features) if config.balance == "loss" else None,
        epochs,
    )
    with warnings.catch_warnings():
        # Lightning advises more data workers, although the scans are in memory, and warns of the folder that a resumed
        # training goes on in. Its warnings name files of this machine and nothing that a user could change.
        warnings.filterwarnings("ignore", module=r"lightning\.|pytorch_lightning\.")
        warnings.filterwarnings("ignore", message=r"(?s).*(does not have many workers|Checkpoint directory .* exists)")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        try:
            trainer.fit(
                task,
                loader(*train, batch_size=config.batch_size, seed=config.seed, augmentation=config.augmentation),
                loader(*val, batch_size=config.batch_size),
                ckpt_path=str(checkpoint) if checkpoint.exists() else None,
            )
        except DivergedError:
            checkpoint.unlink(missing_ok=True)
            raise
    member.net.load_state_dict(load_file(folder / MODEL))
    member.eval()
    return average.history


def class_weights(targets: NDArray[np.int64], classes: int) -> torch.Tensor:
    """Inverse class frequency with mean 1 over the scans, ``[classes] float32``."""
    counts = torch.bincount(torch.from_numpy(targets), minlength=classes).float()
    if (counts == 0).any():
        raise UsageError("a class has no training scan", hint="add scans, or drop the label")
    return counts.sum() / (classes * counts)


def save_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a torchvision-named state dict, atomically."""
    with replacing(path, private=False) as unfinished:
        save_file({name: value.contiguous() for name, value in state.items()}, unfinished)


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """One CSV row per epoch."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def chosen_precision(config: TrainConfig) -> str:
    """The arithmetic a training uses: bfloat16 where the machine has instructions for it."""
    if config.precision != "auto":
        return config.precision
    has = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else bool(BF16_FLAGS & cpu_flags())
    return "bf16-mixed" if has else "32-true"


BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def _trainer(
    config: TrainConfig, folder: Path, average: EpochAverage, epochs: int, hardware: dict[str, Any]
) -> pl.Trainer:
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    keep_last = ModelCheckpoint(
        dirpath=folder,
        filename=Path(CHECKPOINT).stem,
        save_top_k=1,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )
    return pl.Trainer(
        max_epochs=epochs,
        precision=chosen_precision(config),  # type: ignore[arg-type]
        callbacks=[average, keep_last],
        enable_progress_bar=False,
        plugins=[SafeCheckpointIO()],
        logger=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        **hardware,
    )
