"""Lookup tables as DICOM stores them (PS3.3 C.11.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.scan.formats.header import FormatError

from .values import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Lut(NamedTuple):
    """Entries for the values from ``first`` on; values beyond either end take the entry there.

    Attributes
    ----------
    entries
        ``[N] float64``.
    highest
        The largest that an entry can be: all ones, of as many bits (8 at least) as the largest entry has. The bits that
        a descriptor gives are not believed; Agfa's computed radiographs say 16 of 12-bit entries.
    """

    first: int
    entries: NDArray[np.float64]
    highest: int

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Look up values, rounded to whole ones."""
        index = np.rint(values) - self.first
        return self.entries[index.clip(0, len(self.entries) - 1).astype(np.int64)]


def read(descriptor: object, data: object, *, signed: bool, little: bool) -> Lut:
    """Read a descriptor and its data.

    Parameters
    ----------
    descriptor
        Number of entries (0: 65536), first value, bits of an entry.
    data
        Bytes, or as many integers.
    signed
        Whether the values that are looked up are.

    Raises
    ------
    FormatError
        The two do not fit.
    """
    described = numbers(descriptor)
    if len(described) != 3:
        raise _damaged("has no descriptor")
    length, first, bits = int(described[0]) & 0xFFFF or 0x10000, int(described[1]), int(described[2])
    if signed and first > 0x7FFF:
        first -= 0x10000
    if not 8 <= bits <= 16:
        raise _damaged(f"has entries of {bits} bits")
    if isinstance(data, bytes):
        # Entries of 8 bits may be packed, two to a word.
        width = np.dtype("u1") if len(data) in (length, length + 1) else np.dtype("<u2" if little else ">u2")
        entries = np.frombuffer(data[: len(data) // width.itemsize * width.itemsize], width)
    else:
        entries = np.array(numbers(data)).astype(np.uint16)
    if len(entries) < length:
        raise _damaged(f"has {len(entries)} entries of {length}")
    entries = entries[:length]
    return Lut(first, entries.astype(np.float64), max(255, (1 << int(entries.max()).bit_length()) - 1))


def _damaged(how: str) -> FormatError:
    return FormatError(f"is a DICOM file whose lookup table {how}")
