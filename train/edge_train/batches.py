"""Preprocessed scans -> shuffled, augmented batches, as a pure function of (seed, epoch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from .augment import NONE, Augmentation, augment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Ticket = tuple[int, int]
"""(epoch, index): the sampler hands the epoch along, so that a worker process needs no state of its own."""


class ScanDataset(Dataset[tuple[torch.Tensor, int]]):
    """Labelled scans in memory.

    Parameters
    ----------
    pixels
        ``[N, H, W] uint8``, preprocessed.
    targets
        ``[N] int64``.
    """

    def __init__(
        self, pixels: NDArray[np.uint8], targets: NDArray[np.int64], augmentation: Augmentation, seed: int
    ) -> None:
        self.pixels, self.targets, self.augmentation, self.seed = pixels, targets, augmentation, seed

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, ticket: Ticket) -> tuple[torch.Tensor, int]:
        epoch, index = ticket
        pixels = augment(self.pixels[index], self.augmentation, seed=self.seed, epoch=epoch, index=index)
        return torch.from_numpy(pixels.copy())[None], int(self.targets[index])


class EpochSampler(Sampler[Ticket]):
    """A permutation per epoch, cut into equal shares for the processes of a distributed training."""

    def __init__(self, size: int, seed: int, *, shuffle: bool, rank: int = 0, world: int = 1) -> None:
        self.size, self.seed, self.shuffle, self.rank, self.world = size, seed, shuffle, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(range(self.rank, self.size, self.world))

    def __iter__(self) -> Iterator[Ticket]:
        order = np.arange(self.size)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        return ((self.epoch, int(index)) for index in order[self.rank :: self.world])


def loader(
    pixels: NDArray[np.uint8],
    targets: NDArray[np.int64],
    *,
    batch_size: int,
    seed: int = 0,
    augmentation: Augmentation | None = None,
    workers: int = 0,
) -> DataLoader[tuple[torch.Tensor, int]]:
    """Batches of ``([B, 1, H, W] uint8, [B] int64)``: shuffled and augmented if ``augmentation`` is given."""
    training = augmentation is not None
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    rank, world = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if distributed else (0, 1)
    sampler = EpochSampler(len(targets), seed, shuffle=training, rank=rank, world=world)
    return DataLoader(
        ScanDataset(pixels, targets, augmentation or NONE, seed),
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        # A last batch of one scan would make BatchNorm divide by zero spread.
        drop_last=training and len(sampler) > batch_size,
    )
