"""The heatmap of one scan: where in it the members found what they voted for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import InputError, UsageError
from edge_run.scan.read import read, read_frames
from edge_run.voting.prediction import Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.heatmap import Maps
    from edge_run.scan.read import ScanSource
    from edge_run.scan.scan import Limits, Scan


class ScanHeatmap(NamedTuple):
    """The heatmap of one scan.

    Attributes
    ----------
    prediction
        What the map explains.
    scan
        The scan as it was read.
    maps
        Class-activation maps of the vote and of each member, ``[h, w] float32`` in log-odds.
    picture
        ``[height, width, 3] uint8`` in RGB: the scan, the vote's map over it, and the members' maps.
    """

    prediction: Prediction
    scan: Scan
    maps: Maps
    picture: NDArray[np.uint8]

    def save(self, path: str | Path) -> None:
        """Write the picture as PNG, whole or not at all.

        Raises
        ------
        UsageError
            The folder cannot be made or written to.
        """
        import numpy as np

        from edge_run.heatmap import write_picture

        write_picture(Path(path), np.ascontiguousarray(self.picture[:, :, ::-1]))


def scan_of(source: ScanSource | Prediction, limits: Limits) -> tuple[str, Scan]:
    """Return the name and the scan to explain; that of a prediction is read again from its path.

    Raises
    ------
    UsageError
        The prediction is of an array or bytes, which it does not keep.
    InputError
        The scan cannot be read, or its file has changed since it was answered.
    """
    if not isinstance(source, Prediction):
        return (str(source) if isinstance(source, str | Path) else ""), read(source, limits=limits)
    if not source.path:
        raise UsageError(
            "the prediction names no file to read again, and predictions keep no picture",
            hint="pass the scan itself: ensemble.heatmap(scan)",
        )
    path, _, number = source.path.rpartition("#")
    several = bool(path) and number.isdigit() and not Path(source.path).exists()
    scans = read_frames(path if several else source.path, limits=limits)
    index = int(number) - 1 if several else 0
    if not 0 <= index < len(scans) or scans[index].sha256 != source.scan_sha256:
        raise InputError(
            f"{source.path} is no longer the file that was answered.", hint="Predict it again, then draw the heatmap."
        )
    return source.path, scans[index]
