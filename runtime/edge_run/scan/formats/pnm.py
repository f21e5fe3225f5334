"""PNM: the Netpbm formats PGM (P5) and PPM (P6), binary only."""

from __future__ import annotations

import re
from typing import NamedTuple

from edge_run.scan.formats.header import FormatError, Header, most_padding

_GAP = rb"(?:\s+(?:#[^\r\n]*[\r\n]\s*)*)"
_HEADER = re.compile(rb"P([56])" + 3 * (_GAP + rb"(\d{1,9})") + rb"\s")
_LONGEST_HEADER = 4096


class _Layout(NamedTuple):
    channels: int
    width: int
    height: int
    greatest: int
    start: int


def parse(data: bytes) -> Header:
    """Read the size and the greatest sample value."""
    layout = _layout(data)
    # Below 255 OpenCV keeps the samples as they are, which would come out all but black.
    if not 255 <= layout.greatest <= 65535:
        raise FormatError(f"is a PGM or PPM of greatest value {layout.greatest}, expected 255 to 65535")
    bits = 8 if layout.greatest == 255 else 16
    return Header("PNM", layout.width, layout.height, bits, "grey" if layout.channels == 1 else "RGB")


def require_whole(data: bytes) -> None:
    """Refuse a PGM or PPM with fewer or more samples than its header says."""
    layout = _layout(data)
    sample_bytes = 1 if layout.greatest == 255 else 2
    surplus = len(data) - layout.start - layout.width * layout.height * layout.channels * sample_bytes
    if surplus < 0:
        raise FormatError("is truncated: the PGM or PPM is shorter than its header says")
    if surplus > most_padding(layout.width, layout.height):
        raise FormatError(f"contradicts itself: the PGM or PPM has {surplus} bytes more than its header says")


def _layout(data: bytes) -> _Layout:
    found = _HEADER.match(data[:_LONGEST_HEADER])
    if found is None:
        raise FormatError("is a PGM or PPM whose header is cut or damaged")
    width, height, greatest = (int(found[group]) for group in (2, 3, 4))
    return _Layout(1 if found[1] == b"5" else 3, width, height, greatest, found.end())
