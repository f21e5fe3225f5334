"""An output folder: which bundle answers into it, and which process works on which shard."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from edge_run._files import make_folder, replace_file
from edge_run.errors import UsageError

from . import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_run.bundle.bundle import Bundle


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be the same for all answers in one folder.

    Attributes
    ----------
    bundle, bundle_sha256
        Name, and hash of the manifest.
    bundle_path
        Where the first process found it; merging compares the answers with its validation scans.
    """

    bundle: str
    bundle_sha256: str
    precision: str
    early_exit: bool
    bundle_path: str

    @classmethod
    def of(cls, bundle: Bundle, precision: str, *, early_exit: bool) -> Settings:
        """Return those of a bundle that answers at a precision."""
        return cls(bundle.manifest.name, bundle.sha256, precision, early_exit, str(bundle.path.absolute()))


def settle(folder: Path, settings: Settings) -> None:
    """Record the settings of the first process in the folder, and refuse others that differ.

    Raises
    ------
    UsageError
        Another bundle, precision or way of voting answers into this folder.
    """
    found = read_settings(folder)
    if found is None:
        replace_file(folder / layout.SETTINGS, msgspec.json.format(msgspec.json.encode(settings)) + b"\n")
        found = read_settings(folder) or settings
    for name in ("bundle_sha256", "precision", "early_exit"):
        there, here = getattr(found, name), getattr(settings, name)
        if there != here:
            raise UsageError(
                f"{folder} holds answers of {found.bundle} with {name} {there}, and this process has {here}",
                hint="give the same --bundle, --precision and --early-exit on every machine, or another --out",
            )


def read_settings(folder: Path) -> Settings | None:
    """Return the settings of an output folder; None where nothing was answered into it.

    Raises
    ------
    UsageError
        They are damaged.
    """
    path = folder / layout.SETTINGS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="restore it, or use another --out") from error


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Explain what keeps an output folder from being used.

    Raises
    ------
    UsageError
        It cannot be made, entered or written; a full disk stays an `OSError`.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        reason = error.strerror or str(error)
        raise UsageError(f"the output folder {folder} cannot be used: {reason}", hint="give another --out") from error


@contextmanager
def only_process(folder: Path, prefix: str) -> Iterator[None]:
    """Hold the lock of a shard, which the system releases when the process ends, however it ends.

    Raises
    ------
    UsageError
        Another process works on it.
    """
    make_folder(folder / layout.PARTS)
    opened = os.open(folder / layout.PARTS / f"{prefix}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"another process works on {prefix} in {folder}", hint="wait until it ends, or end it"
            ) from error
        except OSError as error:
            # Without locks, two processes of one shard would take each other's open parts for those of a killed one.
            raise UsageError(
                f"the file system of {folder} has no file locks: {error.strerror}",
                hint="mount it with locks (NFS 4, Lustre with -o flock), or write to another disk",
            ) from error
        yield
    finally:
        os.close(opened)
