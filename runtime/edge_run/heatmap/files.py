"""Where a picture goes, and how it gets there whole."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import cv2

from edge_run._files import replace_file, sha256
from edge_run.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_LONGEST = 40


def place(folder: Path, name: str, scan_sha256: str) -> Path:
    """Path of a scan's picture, directly in ``folder``.

    Parameters
    ----------
    name
        The input's name, however it came in. Its last part can be read in the picture's; a digest of all of it and of
        the scan keeps inputs of the same name apart.
    """
    stem = PurePath(name.replace("\\", "/")).stem
    readable = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[:_LONGEST].strip("_") or "scan"
    digest = sha256(f"{name}\0{scan_sha256}".encode("utf-8", "surrogatepass"))
    return folder / f"{readable}-{digest[:10]}.heatmap.png"


def write(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture as PNG; as :func:`put`."""
    put(path, cv2.imencode(".png", image)[1].tobytes())


def put(path: Path, data: bytes) -> None:
    """Write a file that shows a patient's scan, whole or not at all, for this user alone.

    Raises
    ------
    UsageError
        The folder cannot be made or written to.
    """
    try:
        replace_file(path, data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"{path.name} cannot be written to {path.parent}: {reason}", hint="name another folder, or make room"
        ) from error
