"""Name the file of a picture, and write it."""

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


def picture_path(folder: Path, name: str, scan_sha256: str) -> Path:
    """Name the file of a scan's picture, directly in ``folder``.

    Parameters
    ----------
    folder
        Where pictures go.
    name
        The input's name or path. The file's name begins with its last part, and ends in a digest of all of it and of
        the scan, so that two scans with the same name do not overwrite each other's pictures.
    scan_sha256
        Hash of the encoded scan.
    """
    stem = PurePath(name.replace("\\", "/")).stem
    readable = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[:_LONGEST].strip("_") or "scan"
    digest = sha256(f"{name}\0{scan_sha256}".encode("utf-8", "surrogatepass"))
    return folder / f"{readable}-{digest[:10]}.heatmap.png"


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture ``[H, W, 3] uint8`` BGR as PNG; see :func:`write_file`."""
    write_file(path, cv2.imencode(".png", image)[1].tobytes())


def write_file(path: Path, data: bytes) -> None:
    """Write a file that shows a patient's scan, whole or not at all, so that only this user may read it.

    The file has mode 0600, and a folder that is made for it 0700. A link of its name is replaced.

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
            f"files cannot be written to {path.parent}: {reason}", hint="name another folder, or make room"
        ) from error
