"""Whether a file that has stopped changing is complete, or a copy of it has only paused.

Many copiers (SMB clients, downloaders) give a file its full size first and fill it afterwards. Its size then says
nothing, and between two writes its times do not change.
"""

from __future__ import annotations

import enum
import fcntl
import os
import signal
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAD, TAIL, BLOCK = 16, 4096, 2**20
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_DICOM_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_JPEG_TRAILER = 32
"""Bytes that a sound JPEG may have behind its end marker, padding for instance."""


class Completeness(enum.Enum):
    """What the file itself says about being complete."""

    MARKED = "it ends with its format's end marker"
    UNMARKED = "its format has no end marker"
    EMPTY_TAIL = "it ends in zeros, as an image with a black border does, and a file that is not filled yet"
    HALF_EMPTY = "its second half is nothing but zeros"
    SPARSE = "parts of it were never written"
    WRITING = "a process has it open for writing"


def check(path: Path) -> Completeness:
    """Look at a file's ends, its holes and who writes it.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            return Completeness.UNMARKED
        if _is_being_written(opened):
            return Completeness.WRITING
        if _has_hole(opened, status.st_size):
            return Completeness.SPARSE
        return _by_content(opened, status.st_size)
    finally:
        os.close(opened)


def _by_content(opened: int, size: int) -> Completeness:
    head, tail = os.pread(opened, HEAD, 0), os.pread(opened, TAIL, max(0, size - TAIL))
    if _ends_with_marker(head, tail):
        return Completeness.MARKED
    if tail.strip(b"\0"):
        return Completeness.UNMARKED
    for start in range(size // 2, size, BLOCK):
        if os.pread(opened, BLOCK, start).strip(b"\0"):
            return Completeness.EMPTY_TAIL
    return Completeness.HALF_EMPTY


def _is_being_written(opened: int) -> bool:
    """Whether a process of this machine has the file open for writing; False where the system cannot tell.

    Linux grants a read lease only on a file that nobody has open for writing (fcntl(2), F_SETLEASE). A process that
    opens it within the microseconds of the lease waits that long.
    """
    try:
        # A broken lease is told by a signal; the default one would end the process, this one is ignored.
        fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        # Another user's file, a network drive, or a system without leases.
        return False
    fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _has_hole(opened: int, size: int) -> bool:
    """Whether a part of the file was never written; such a part reads as zeros."""
    try:
        return os.lseek(opened, 0, os.SEEK_HOLE) < size
    except (OSError, AttributeError):
        return False


def _ends_with_marker(head: bytes, tail: bytes) -> bool:
    if head.startswith(_PNG):
        return tail.endswith(_PNG_END)
    if head.startswith(_JPEG):
        return _JPEG_END in tail[-_JPEG_TRAILER:]
    return tail.endswith(_DICOM_SEQUENCE_END)
