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
    """A permutation per epoch, shared out among the processes of a distributed training.

    The process group is looked at when an epoch begins: Lightning makes it after the loaders. Shuffled shares are of
    equal length, because a process with one step more would wait for the others for ever.
    """

    def __init__(self, size: int, seed: int, *, shuffle: bool) -> None:
        self.size, self.seed, self.shuffle = size, seed, shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._share())

    def __iter__(self) -> Iterator[Ticket]:
        order = np.arange(self.size)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        return ((self.epoch, int(order[place])) for place in self._share())

    def _share(self) -> range:
        rank, world = process_group()
        whole = self.size - self.size % world if self.shuffle else self.size
        return range(rank, whole, world)


def process_group() -> tuple[int, int]:
    """Rank of this process and number of processes; ``(0, 1)`` where there is only one."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


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
    return DataLoader(
        ScanDataset(pixels, targets, augmentation or NONE, seed),
        batch_size=batch_size,
        # Workers' seeds must not be drawn from the stream that dropout draws from.
        generator=torch.Generator(),
        sampler=EpochSampler(len(targets), seed, shuffle=training),
        num_workers=workers,
        # A last batch of one scan would make BatchNorm divide by zero spread.
        drop_last=training and len(targets) > batch_size,
    )
