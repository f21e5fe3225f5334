"""One compiled network on one backend. Checks live here, once; a backend is two small methods."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self


class Network(NamedTuple):
    """What a backend is given to load.

    Attributes
    ----------
    model
        An ONNX file, its hash checked.
    name
        Says in errors which network it is.
    precision
        How it was compiled.
    size
        Side of the input, pixels.
    engines
        Folder for what a backend compiles for this device and may keep; None where nothing is kept.
    """

    model: bytes
    name: str
    precision: str
    size: int
    engines: Path | None = None

    @property
    def sha256(self) -> str:
        """Of ``model``."""
        return hashlib.sha256(self.model).hexdigest()


class Missing(NamedTuple):
    """What keeps a backend from running on this machine.

    Attributes
    ----------
    why, hint
        As in :class:`edge_run.errors.EdgeRunError`.
    installed
        Parts of it are here, so that going past it deserves a word.
    """

    why: str
    hint: str
    installed: bool


class Outputs(NamedTuple):
    """What a network returns.

    Attributes
    ----------
    logits
        ``[N, classes] float32``.
    features
        ``[N, width, h, w] float32``: the last convolutional block, before pooling.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class Runner(ABC):
    """A loaded network.

    Parameters
    ----------
    name
        Says in errors which network it is.
    size
        Side of the input, pixels.
    """

    backend: ClassVar[str]

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Run a batch of preprocessed scans.

        Parameters
        ----------
        batch
            ``[N, 1, size, size] uint8``.

        Raises
        ------
        ValueError
            The batch has another shape or dtype.
        BackendError
            The network answered with numbers that are not finite.
        """
        import numpy as np

        if batch.dtype != np.uint8 or batch.shape[1:] != (1, self.size, self.size) or not len(batch):
            raise ValueError(
                f"{self.name} takes [N, 1, {self.size}, {self.size}] uint8, got {list(batch.shape)} {batch.dtype}"
            )
        outputs = self._infer(batch)
        if not np.isfinite(outputs.logits).all():
            raise BackendError(
                f"{self.name} on {self.backend} answered with numbers that are not finite",
                hint="edge-run verify BUNDLE; then choose another --precision or --backend",
            )
        return outputs

    @abstractmethod
    def _infer(self, batch: NDArray[np.uint8]) -> Outputs: ...

    @abstractmethod
    def close(self) -> None:
        """Release what the backend holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
