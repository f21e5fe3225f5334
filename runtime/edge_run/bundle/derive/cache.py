"""Derived forms that are kept beside the bundle, so that each is derived once on a device.

A form is one ONNX file, named after what it was derived from and how, beside a file with its SHA-256. Whatever is wrong
with the cache (a read-only disk, a full one, a damaged file), the form is derived again and nothing fails.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import make_folder, replace_file, sha256
from edge_run._files.read import load
from edge_run.errors import InputError

from . import SOURCE, derive

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

LOGGER = logging.getLogger(__name__)
RECIPE = 1
"""Raised with each change of what is derived, so that a cache of before is not read."""

MAX_BYTES = 2 * 2**30
PATIENCE_S, POLL_S = 60.0, 0.1


class Source(NamedTuple):
    """The stored artefact that forms are derived from.

    Attributes
    ----------
    name
        The member's id, for the file's name and for the log.
    sha256
        Of the ``int8-cpu`` ONNX file.
    float_layers
        See :func:`edge_run.bundle.derive.derive`.
    read
        Reads and checks the file; not called where the form is at hand already.
    """

    name: str
    sha256: str
    float_layers: Collection[str]
    read: Callable[[], bytes]


def derived(source: Source, form: str, folder: Path | None, *, refresh: bool = False) -> bytes:
    """Return one form of a network: from the cache where it is there and whole, else newly derived.

    Parameters
    ----------
    form
        One of :data:`edge_run.bundle.derive.FORMS`.
    folder
        Of the cache, made where it is missing; None keeps nothing.
    refresh
        Derive anew also where the cache has the form.

    Raises
    ------
    BackendError
        The form is not in the cache and the package ``onnx`` is not installed.
    BundleError
        No form can be derived from the source.
    """
    if folder is None:
        return derive(source.read(), form, source.float_layers)
    path = cached_path(source, form, folder)
    kept = None if refresh else _kept(path)
    if kept is not None:
        return kept
    with _one_at_a_time(folder):
        # Another process may have derived it while this one waited.
        kept = None if refresh else _kept(path)
        if kept is not None:
            return kept
        LOGGER.info("deriving %s of %s from %s, once for this device", form, source.name, SOURCE)
        model = derive(source.read(), form, source.float_layers)
        _keep(path, model)
    return model


def cached_path(source: Source, form: str, folder: Path) -> Path:
    """Return where the cache keeps a form, named after all that decides its bytes."""
    try:
        onnx = version("onnx")
    except PackageNotFoundError:
        onnx = ""
    parts = (source.sha256, form, ",".join(sorted(source.float_layers)), str(RECIPE), onnx)
    return folder / f"{source.name}.{form}.{sha256('|'.join(parts).encode())[:16]}.onnx"


def _kept(path: Path) -> bytes | None:
    """Return a file of the cache whose hash is the recorded one, and which nobody else can have written."""
    if not _is_ours(path.parent):
        return None
    try:
        wanted = load(_hash_of(path), 64).decode("ascii", "replace")
        model = load(path, MAX_BYTES)
    except InputError:
        return None
    return model if sha256(model) == wanted else None


def _is_ours(folder: Path) -> bool:
    """Whether this user or root owns the folder, and no other user may write into it."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid in (os.geteuid(), 0) and not stat.S_IMODE(status.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)


def _keep(path: Path, model: bytes) -> None:
    try:
        make_folder(path.parent)
        replace_file(path, model)
        replace_file(_hash_of(path), sha256(model).encode())
    except OSError as error:
        LOGGER.warning("%s could not be kept for the next time: %s", path.name, error.strerror)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process derive at a time; where no lock can be had, all of them do, which costs only time."""
    try:
        make_folder(folder)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Wait for the lock, but not for ever: a process that was stopped may hold it."""
    for _ in range(int(PATIENCE_S / POLL_S)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(POLL_S)
        except OSError:
            return
        else:
            return


def _hash_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
