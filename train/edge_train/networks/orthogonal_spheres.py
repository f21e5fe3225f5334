"""The Orthogonal-Spheres (OS) regularizer.

The pooled feature vector is cut into ``k`` equal blocks, and the Gram matrix of the blocks is driven to the identity:
each factor of the image lives on its own sphere, orthogonal to the others (Choi, Som, Turaga, arXiv 2009.10762; for
COVID-19 X-rays Wang et al., arXiv 2102.08360; lineage: Shukla et al., PrOSe, BMVC 2019). Only the abstracts of the
two papers could be read, so the exact norm, the row normalisation, the weight and the schedule are not known: each is
a switch here, and no default claims to be the papers'.
"""

from __future__ import annotations

from math import inf

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from edge_run.errors import UsageError


class OrthogonalSpheres(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The term's switches.

    Attributes
    ----------
    weight
        Lambda, the weight of the term in the loss. 0 leaves plain cross-entropy, bit for bit.
    blocks
        ``k``, the number of blocks. Must divide the feature width (512, 1024, 2048 here).
    normalize
        Put every block on the unit sphere first; the diagonal of the Gram matrix is then 1 by construction and only
        the angles between blocks count.
    squared
        Squared Frobenius norm instead of the norm itself. A weight tuned for one is an order of magnitude off for
        the other.
    warmup
        Epochs over which the weight rises linearly from 0.
    """

    weight: float = 0.03
    blocks: int = 16
    normalize: bool = True
    squared: bool = False
    warmup: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.weight < inf and 0 <= self.warmup < inf):
            raise UsageError(
                "the OS weight and warm-up must be numbers from 0 up", hint="--os-lambda 0 switches OS off"
            )
        if self.blocks < 2:
            raise UsageError(f"OS needs at least 2 blocks, got {self.blocks}", hint="--os-blocks 16")

    def weight_at(self, epoch: float) -> float:
        """Lambda at a fractional epoch, after the warm-up's ramp."""
        return self.weight * min(1.0, epoch / self.warmup) if self.warmup else self.weight

    def penalty(self, pooled: Tensor) -> Tensor:
        """Mean over the batch of the distance between the blocks' Gram matrix and the identity.

        Parameters
        ----------
        pooled
            ``[N, width]`` features after global average pooling, before dropout.

        Returns
        -------
        Scalar float32, >= 0.

        Raises
        ------
        UsageError
            ``blocks`` does not divide ``width``.
        """
        width = pooled.shape[1]
        if width % self.blocks:
            raise UsageError(f"{self.blocks} blocks do not divide {width} features", hint="--os-blocks 16")
        blocks = pooled.float().reshape(-1, self.blocks, width // self.blocks)
        if self.normalize:
            blocks = functional.normalize(blocks, dim=2, eps=1e-6)
        gap = blocks @ blocks.transpose(1, 2) - torch.eye(self.blocks, device=pooled.device)
        squared = gap.square().sum(dim=(1, 2))
        # The norm has no gradient at 0; an exactly orthogonal batch must not turn the weights to NaN.
        return (squared if self.squared else (squared + 1e-12).sqrt()).mean()
