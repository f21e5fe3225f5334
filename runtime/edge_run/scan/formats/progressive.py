"""Follow the codes of a progressive JPEG's scans (ITU-T T.81, annex G), as :mod:`huffman` does for a baseline one's."""

from __future__ import annotations

import functools
from typing import NamedTuple

from edge_run.scan.formats.huffman import HIGHEST_MEAN, Block, DamageError, codes, require_end, signed, windows

_SKIP_16 = 15
_ZEROS = 64


class Band(NamedTuple):
    """The coefficients of a scan, and the code of what precedes each."""

    first: int
    last: int
    codes: list[int]


@functools.lru_cache(32)
def run_codes(lengths: bytes, values: bytes) -> list[int]:
    """For each 16 bits: length of the code, and above bit 5 its symbol; 0: no such code."""
    length, symbol = codes(lengths, values)
    entries: list[int] = (length | symbol << 5).tolist()
    return entries


def follow_means(data: bytes, plan: list[Block], mcus: int, shift: int) -> None:
    """Follow the first scan of the blocks' means, which leaves out their last ``shift`` bits."""
    words, end, position = windows(data), len(data) * 8, 0
    means = dict.fromkeys((block.component for block in plan), 0)
    for _ in range(mcus):
        for block in plan:
            entry = block.means[words[position >> 3] >> 8 - (position & 7) & 0xFFFF]
            if not entry:
                raise DamageError("a code leads nowhere")
            position += entry & 31
            size = entry >> 5
            if size:
                means[block.component] += signed(words[position >> 3] >> 8 - (position & 7) & 0xFFFF, size)
                position += size
            if position > end:
                raise DamageError("its data ends early")
            if abs(means[block.component] << shift) * block.step > HIGHEST_MEAN + (2 + (1 << shift)) * block.step:
                raise DamageError("the mean of a block is out of range")
    require_end(position, data)


def follow_first(data: bytes, band: Band, history: list[int], first: int, count: int) -> None:
    """Follow the first scan of a band of coefficients.

    Parameters
    ----------
    history
        For each block of the component a bit for every coefficient that is not zero so far; those found are added.
    first, count
        The blocks of this restart interval.
    """
    _require_no_zeros(data, band)
    words, end, position, number = windows(data), len(data) * 8, 0, 0
    while number < count:
        k, block = band.first, first + number
        number += 1
        while k <= band.last:
            entry = band.codes[words[position >> 3] >> 8 - (position & 7) & 0xFFFF]
            position += entry & 31
            run, size = entry >> 9, entry >> 5 & 15
            if not entry or position > end:
                raise DamageError("a code leads nowhere" if not entry else "its data ends early")
            if not size and run < _SKIP_16:
                # The band ends here, in this block and some after it.
                number += (1 << run) - 1 + _bits(words, position, run)
                position += run
                break
            k += run
            if k > band.last:
                raise DamageError("a block has too many coefficients")
            history[block] |= (size > 0) << k
            position += size
            k += 1
    if number > count:
        raise DamageError("its blocks are too many")
    require_end(position, data)


def follow_refinement(data: bytes, band: Band, history: list[int], first: int, count: int) -> None:
    """Follow a later scan of a band, which holds one more bit of each coefficient; see :func:`follow_first`."""
    _require_no_zeros(data, band)
    words, end, position, ended = windows(data), len(data) * 8, 0, 0
    for number in range(first, first + count):
        k, before, found = band.first, history[number], 0
        while not ended and k <= band.last:
            entry = band.codes[words[position >> 3] >> 8 - (position & 7) & 0xFFFF]
            position += entry & 31
            run, size = entry >> 9, entry >> 5 & 15
            if not entry or size > 1:
                raise DamageError("a code leads nowhere")
            if not size and run < _SKIP_16:
                ended = (1 << run) + _bits(words, position, run)
                position += run
                break
            k, corrections = _skip(before, k, run, band.last)
            found |= size << k
            position += size + corrections
            k += 1
        if ended:
            position += (before >> k & (1 << band.last + 1 - k) - 1).bit_count()
            ended -= 1
        if position > end:
            raise DamageError("its data ends early")
        history[number] = before | found
    if ended:
        raise DamageError("its blocks are too many")
    require_end(position, data)


def _require_no_zeros(data: bytes, band: Band) -> None:
    """Refuse zeroed data, but where zeros stand for blocks that end at once, which a flat picture may be full of."""
    if band.codes[0] >> 5 and bytes(_ZEROS) in data.rstrip(b"\0"):
        raise DamageError("some of its data is zeroed")


def _skip(before: int, k: int, zeros: int, last: int) -> tuple[int, int]:
    """Pass some coefficients that were zero; return the place of the next such one, and how many others were passed."""
    corrections = 0
    while k <= last:
        if before >> k & 1:
            corrections += 1
        elif not zeros:
            return k, corrections
        else:
            zeros -= 1
        k += 1
    raise DamageError("a block has too many coefficients")


def _bits(words: list[int], position: int, count: int) -> int:
    return (words[position >> 3] >> 8 - (position & 7) & 0xFFFF) >> 16 - count
