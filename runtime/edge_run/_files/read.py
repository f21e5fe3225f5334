"""Read a regular file whole, bounded, without ever waiting on a pipe or a device."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from edge_run.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def load(path: Path, max_bytes: int) -> bytes:
    """Read a regular file.

    Parameters
    ----------
    path
        The file; links are followed.
    max_bytes
        Largest size that is read.

    Raises
    ------
    InputError
        Missing, not permitted, not a regular file, larger than ``max_bytes``, or still being written.
    """
    try:
        return _read(path, max_bytes)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.", hint="Check the path.") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read by this user.", hint=f"chmod u+r {path}") from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(f"{path} cannot be read: {reason}.", hint="Check the path and its disk.") from error


def beginning(path: Path, length: int) -> bytes:
    """Read a file's first bytes, to know it by; none of what is no readable regular file."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            return file.read(length) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except (OSError, ValueError):
        return b""


def too_large(name: str, size: int, limit: int) -> InputError:
    """Say that an encoded image is over the limit on its size."""
    return InputError(f"{name} is {size} bytes, over the limit of {limit} bytes.", hint="Give one scan by itself.")


def _read(path: Path, max_bytes: int) -> bytes:
    _require_regular(path, path.stat().st_mode)
    # Between the two looks the name may have come to mean a pipe: open without blocking, and look again.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        _require_regular(path, status.st_mode)
        if status.st_size > max_bytes:
            raise too_large(str(path), status.st_size, max_bytes)
        data = file.read(status.st_size + 1)
    if len(data) != status.st_size:
        raise InputError(f"{path} changed while it was read.", hint="Wait until it is written, then ask again.")
    return data


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder, not an image.", hint="Give the images inside it.")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is a pipe, socket or device, not a file.", hint="Copy it to a file first.")
