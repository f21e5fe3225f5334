"""The number that every method here explains: the contrast of a class."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from edge_train.networks.member import Member


def contrast(logits: Tensor, label: int) -> Tensor:
    """Compute a class's logit minus the mean of the others', ``[N, classes] -> [N]``.

    With two classes this is the log-odds, on which alone the member's probability depends. A map of the logit itself
    would also show what raises both classes alike and so decides nothing.
    """
    return logits[:, label] - (logits.sum(dim=1) - logits[:, label]) / (logits.shape[1] - 1)


def explained(member: Member, label: int) -> Callable[[Tensor], Tensor]:
    """Return the function from inputs ``[N, 1, H, W] float32``, grey levels, to the contrast of a class, ``[N]``."""
    return lambda grey: contrast(member(grey)[0], label)


def to_input(member: Member, pixels: NDArray[np.uint8]) -> Tensor:
    """Convert ``[..., H, W] uint8`` to ``[N, 1, H, W] float32`` on the member's device."""
    flat = pixels.reshape(-1, 1, *pixels.shape[-2:])
    return torch.from_numpy(flat.astype(np.float32)).to(next(member.parameters()).device)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators that Captum draws from, and restore them afterwards."""
    before = np.random.get_state()  # noqa: NPY002 - Captum draws from this one
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
