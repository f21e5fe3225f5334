"""An input of a command -> its frames with their names: file -> frames -> ``name#1``, ``name#2``, ..."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files.read import load
from edge_run.scan import read as reading
from edge_run.scan.scan import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_run.scan.inputs import Input
    from edge_run.scan.scan import Limits, Scan


class Frame(NamedTuple):
    """One frame of an input.

    Attributes
    ----------
    name
        The input's name, followed by ``#1``, ``#2``, ... where a file holds several frames.
    scan
        The frame's pixels.
    number
        From 1 where the file holds several frames, else None.
    last
        Whether it is the input's last.
    data
        The encoded file that all its frames were read from.
    """

    name: str
    scan: Scan
    number: int | None
    last: bool
    data: bytes


def frames_of(given: Input, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """Yield the frames of an input, whose file is read once.

    Raises
    ------
    InputError
        The input stands for none, or cannot be read; see :func:`edge_run.scan.read.read`.
    BackendError
        A package that would read it is not installed.
    """
    if given.error is not None:
        raise given.error
    if given.load is not None:
        data, source = given.load(), given.name
    elif given.path is None:
        data, source = sys.stdin.buffer.read(limits.max_bytes + 1), "the input"
    else:
        data, source = load(given.path, limits.max_bytes), str(given.path)
    scans = reading.read_bytes(data, source, limits=limits)
    for n, scan in enumerate(scans, 1):
        several = len(scans) > 1
        yield Frame(f"{given.name}#{n}" if several else given.name, scan, n if several else None, n == len(scans), data)
