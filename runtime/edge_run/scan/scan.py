"""What reading produces, and the limits that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.scan.dicom.series import Series

MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64 * 2**20
MAX_SECONDS = 5.0
MAX_MEMORY = 512 * 2**20


@dataclass(frozen=True)
class Limits:
    """Bounds on what one file may cost; a file beyond them is refused.

    Attributes
    ----------
    max_bytes
        Largest encoded size that is read, and that a deflated DICOM file is inflated to, bytes.
    max_pixels
        Largest width x height that is decoded; for DICOM, multiplied by samples and frames.
    max_seconds
        Longest time that decoding takes, over all frames, seconds.
    max_memory
        Most memory that decoding takes beyond the encoded file, bytes.
    """

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    max_seconds: float = MAX_SECONDS
    max_memory: int = MAX_MEMORY


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, eq=False, repr=False)
class Scan:
    """A grey image and how it came to be.

    Attributes
    ----------
    pixels
        ``[H, W] uint8`` grey.
    sha256
        SHA-256 of the encoded bytes as they were read, or of an array's bytes; hexadecimal.
    steps
        What was done, in order, for a person to read. Nothing in it comes from the patient.
    series
        Its place in the series that it belongs to, where the file gives one; None for formats other than DICOM.
    """

    pixels: NDArray[np.uint8]
    sha256: str
    steps: tuple[str, ...]
    series: Series | None = None

    def __repr__(self) -> str:
        """Name the shape, the source and the steps; neither a path nor anything of the patient."""
        height, width = self.pixels.shape
        return f"Scan({height}x{width} {self.pixels.dtype}, sha256 {self.sha256[:12]}, {'; '.join(self.steps)})"
