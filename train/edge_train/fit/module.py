"""What Lightning trains: cross-entropy plus the Orthogonal-Spheres term."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional

from edge_train.data.batches import process_group
from edge_train.networks.member import pool

if TYPE_CHECKING:
    from edge_train.config import TrainConfig
    from edge_train.networks.member import Member


EARLY_SHARE = 2 / 3
"""Part of the epochs that ``early_size`` applies to."""


class FineTuning(pl.LightningModule):
    """One member's fine-tuning.

    Parameters
    ----------
    member
        The network, changed in place.
    config
        Loss, optimiser and seed.
    class_weights
        ``[classes] float32``, or None for equal weights.
    epochs
        Length of the cosine schedule.
    """

    class_weights: Tensor | None

    def __init__(self, member: Member, config: TrainConfig, class_weights: Tensor | None, epochs: int) -> None:
        super().__init__()
        self.member, self.config, self.epochs = member, config, epochs
        self.register_buffer("class_weights", class_weights, persistent=False)

    def loss(self, grey: Tensor, targets: Tensor, epoch: float) -> tuple[Tensor, Tensor, Tensor]:
        """Total loss, cross-entropy and OS penalty of a batch ``[B, 1, H, W]``, ``[B]`` at a fractional epoch."""
        early = self.config.early_size
        if early and epoch < self.epochs * EARLY_SHARE:
            grey = functional.interpolate(grey.to(torch.float32), size=(early, early), mode="area")
        pooled = pool(self.member.features(self.member.normalise(grey)))
        logits = self.member.classify(pooled)
        with torch.autocast(grey.device.type, enabled=False):
            cross_entropy = functional.cross_entropy(logits.float(), targets, weight=self.class_weights)
            spheres = self.config.orthogonal_spheres
            if spheres.weight == 0:
                return cross_entropy, cross_entropy, torch.zeros(())
            penalty = spheres.penalty(pooled)
            return cross_entropy + spheres.weight_at(epoch) * penalty, cross_entropy, penalty

    def on_train_epoch_start(self) -> None:
        """Seed dropout by epoch, so that a resumed training draws what an unbroken one would."""
        rank, _ = process_group()
        torch.manual_seed((self.config.seed + 7919 * rank) * 1_000_003 + self.current_epoch)
        if self.current_epoch:
            # When the bundle inside the package was trained, the loader still drew its workers' seed from this stream,
            # after this place in every epoch but the first. The recorded command must give those weights again.
            torch.empty((), dtype=torch.int64).random_()

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """One optimiser step."""
        epoch = self.current_epoch + index / max(1, int(self.trainer.num_training_batches))
        total, cross_entropy, penalty = self.loss(*batch, epoch)
        size = len(batch[1])
        self.log("train_ce", cross_entropy, on_step=False, on_epoch=True, batch_size=size, prog_bar=True)
        self.log("train_os", penalty, on_step=False, on_epoch=True, batch_size=size, prog_bar=True)
        return total

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:  # noqa: ARG002 - Lightning's signature
        """Unweighted NLL and accuracy on the validation split."""
        grey, targets = batch
        logits = self.member(grey)[0].float()
        correct = (logits.argmax(1) == targets).float().mean()
        size = len(targets)
        self.log(
            "val_nll",
            functional.cross_entropy(logits, targets),
            batch_size=size,
            prog_bar=True,
            sync_dist=True,
        )
        self.log("val_accuracy", correct, batch_size=size, prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning's own union of eight types
        """AdamW; the rate rises over the first epoch and falls as a half cosine."""
        decay = [p for p in self.member.parameters() if p.ndim > 1]
        rest = [p for p in self.member.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": decay, "weight_decay": self.config.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ],
            lr=self.config.learning_rate,
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_cosine(steps, steps // self.epochs))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _warm_cosine:  # noqa: N801 - reads as the function it is; a class, so that it has no state to save
    """Step -> share of the peak rate."""

    def __init__(self, steps: int, warmup: int) -> None:
        self.steps, self.warmup = max(1, steps), max(1, warmup)

    def __call__(self, step: int) -> float:
        if self.steps > self.warmup and step < self.warmup:
            return (step + 1) / self.warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
