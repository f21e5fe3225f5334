"""What one network answers to the validation scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MemberOutput(NamedTuple):
    """Logits ``[N, classes]`` on the validation scans, the temperature, and the probabilities at it."""

    logits: NDArray[np.float32]
    temperature: float
    probabilities: NDArray[np.float64]
