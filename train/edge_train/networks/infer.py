"""Run a PyTorch member over many scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from edge_run.machine.cores import allowed_cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .member import Member


def infer(
    member: Member,
    pixels: NDArray[np.uint8],
    *,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Logits in float32, the reference that every compiled artefact is held against.

    Parameters
    ----------
    pixels
        ``[N, H, W] uint8``, preprocessed.

    Returns
    -------
    ``[N, classes] float32``.
    """
    device = next(member.parameters()).device
    member.eval()
    logits = []
    with torch.inference_mode():
        for start in range(0, len(pixels), batch_size):
            batch = torch.from_numpy(pixels[start : start + batch_size]).to(device)
            logits.append(member(batch[:, None])[0].float().cpu().numpy())
            if progress:
                progress(min(start + batch_size, len(pixels)), len(pixels))
    return np.concatenate(logits)


def use_threads(threads: int | None) -> None:
    """Set PyTorch's threads: as asked, or the cores this process may use. Their number changes sums in the last bit."""
    torch.set_num_threads(threads or allowed_cores())
