"""A compiled network and what it returns: what goes into a backend and what comes out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import BundleMember


class Network(NamedTuple):
    """A compiled network, as a backend loads it.

    Attributes
    ----------
    model
        An ONNX file whose hash has been checked.
    name
        The network's name in errors, ``<member>.<precision>``.
    precision
        The precision that it was compiled to.
    size
        Side of the input, pixels.
    engines
        Folder for engines that a backend compiles for this device; None where nothing may be kept.
    classes, width
        Number of logits and of features that the network must return; 0 where it is not known.
    """

    model: bytes
    name: str
    precision: str
    size: int
    engines: Path | None = None
    classes: int = 0
    width: int = 0

    @classmethod
    def read(cls, bundle: Bundle, member: BundleMember, precision: str) -> Network:
        """Read a member of a bundle at one precision.

        Raises
        ------
        BundleError
            A file is missing or is not the one that the manifest names.
        BackendError
            The form is derived on this device, and the package ``onnx`` is not installed.
        """
        model, size = bundle.model(member, precision), bundle.manifest.preprocess.size
        classes, width = bundle.read_array(member.head).shape
        return cls(model, f"{member.id}.{precision}", precision, size, bundle.engines, classes, width)

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of ``model``, in hexadecimal digits."""
        return hashlib.sha256(self.model).hexdigest()


class Outputs(NamedTuple):
    """What a network returns.

    Attributes
    ----------
    logits
        ``[N, classes] float32``.
    features
        ``[N, width, h, w] float32``: the output of the last convolutional block, before pooling.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]
