"""Follow the Huffman codes of a JPEG without decoding it, to see whether they add up (ITU-T T.81, annexes C and F).

libjpeg makes up what it cannot read, warns of some of it, and takes the rest for a picture: codes that start again in
the middle of a symbol soon fall into step, a few blocks early or late. Here every block must hold at most 64
coefficients, its mean must lie within the range of 8-bit samples, and the last block must end in the last byte.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_WINDOW = 2**16
_END_OF_BLOCK = 64 << 5
_LONGEST_BLOCK = 256
# A block's mean is coded as eight times the mean of samples from -128 to 127.
HIGHEST_MEAN, _MOST_MEAN_BITS = 1024, 11
# Bytes of padding that some encoders leave before a marker.
_MOST_STRAY = 2
# Zero bytes in a row that no codes make, but for those of flat blocks.
_ZEROS = 32


class Block(NamedTuple):
    """How one block of an MCU is coded: its component, quantisation step of its mean, and what its codes stand for."""

    component: int
    step: int
    means: list[int]
    coefficients: list[int]
    one_coefficient: list[int]

    @property
    def flat_is_zeros(self) -> bool:
        """Whether zeros stand for blocks that are all the same, which a picture may be full of."""
        return self.means[0] >> 5 == 0 and self.one_coefficient[0] >> 5 == 64


class DamageError(Exception):
    """The codes of a scan do not add up; the message says how."""


def split(coded: bytes, interval: int, mcus: int) -> list[tuple[bytes, int]]:
    """Split a scan at its restart markers: data without stuffed bytes, and MCUs, of each interval.

    Parameters
    ----------
    coded
        Entropy-coded data, up to the next marker.
    interval
        MCUs between restart markers, 0 for none.
    """
    parts, size = _RESTART.split(coded), interval or mcus
    if len(parts) != -(-mcus // size):
        raise DamageError(f"{len(parts)} restart intervals instead of {-(-mcus // size)}")
    return [(part.replace(b"\xff\0", b"\xff"), min(size, mcus - n * size)) for n, part in enumerate(parts)]


def windows(data: bytes) -> list[int]:
    """For each byte, the 24 bits that begin with it."""
    # No code consists of ones alone, so that a block that runs over the end stops soon.
    octets = np.frombuffer(data + b"\xff" * _LONGEST_BLOCK, np.uint8).astype(np.uint32)
    found: list[int] = (octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]).tolist()
    return found


def require_end(position: int, data: bytes) -> None:
    """Hold the bits that codes took to those that are there."""
    left = len(data) * 8 - position
    if left < 0:
        raise DamageError("its data ends early")
    if left >= 8 * (_MOST_STRAY + 1):
        raise DamageError(f"{left // 8} bytes are left over")


def follow_baseline(data: bytes, plan: list[Block], mcus: int) -> None:
    """Follow the blocks between two restart markers.

    Raises
    ------
    DamageError
        The codes do not add up.
    """
    if bytes(_ZEROS) in data.rstrip(b"\0") and not all(block.flat_is_zeros for block in plan):
        raise DamageError("some of its data is zeroed")
    words, end, position = windows(data), len(data) * 8, 0
    means = dict.fromkeys((block.component for block in plan), 0)
    for _ in range(mcus):
        for block in plan:
            position, difference = _follow_block(words, position, block)
            means[block.component] += difference
            if position > end:
                raise DamageError("its data ends early")
            if abs(means[block.component]) * block.step > HIGHEST_MEAN + 2 * block.step:
                raise DamageError("the mean of a block is out of range")
    require_end(position, data)


def _follow_block(words: list[int], position: int, block: Block) -> tuple[int, int]:
    """Return where a block ends, in bits, and by how much its mean differs from that of the one before."""
    entry, difference = block.means[words[position >> 3] >> 8 - (position & 7) & 0xFFFF], 0
    if not entry:
        raise DamageError("a code leads nowhere")
    position += entry & 31
    size = entry >> 5
    if size:
        difference = signed(words[position >> 3] >> 8 - (position & 7) & 0xFFFF, size)
        position += size
    several, k = block.coefficients, 0
    while k < 63:
        entry = several[words[position >> 3] >> 8 - (position & 7) & 0xFFFF]
        after = k + (entry >> 5)
        if after > 63 and (entry < _END_OF_BLOCK or after > 126):
            # The block may end before the last of several coefficients.
            entry = block.one_coefficient[words[position >> 3] >> 8 - (position & 7) & 0xFFFF]
            after = k + (entry >> 5)
            if after > 63 and entry < _END_OF_BLOCK:
                raise DamageError("a block has too many coefficients")
        if not entry:
            raise DamageError("a code leads nowhere")
        position += entry & 31
        k = after
    return position, difference


def signed(word: int, size: int) -> int:
    """Value of the first ``size`` of 16 bits (T.81 F.2.2.1, EXTEND)."""
    bits = word >> 16 - size
    return bits if bits >> size - 1 else bits + 1 - (1 << size)


@functools.lru_cache(32)
def codes(lengths: bytes, values: bytes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Length and symbol of the code that the next 16 bits begin with, ``[65536]`` each; length 0: there is none."""
    counts = np.frombuffer(lengths, np.uint8).astype(np.int32)
    length = np.repeat(np.arange(1, 17, dtype=np.int32), counts)
    symbol = np.frombuffer(values, np.uint8).astype(np.int32)[: len(length)]
    span = 2 ** (16 - length[: len(symbol)])
    filled = int(span.sum())
    if len(symbol) != counts.sum() or filled > _WINDOW:
        raise DamageError("a table of codes makes no sense")
    empty = np.zeros(_WINDOW - filled, np.int32)
    return np.concatenate([np.repeat(length, span), empty]), np.concatenate([np.repeat(symbol, span), empty])


@functools.lru_cache(32)
def means(lengths: bytes, values: bytes) -> list[int]:
    """For each 16 bits: length of the code, and above bit 5 the number of bits that follow it; 0: no such code."""
    length, symbol = codes(lengths, values)
    entries: list[int] = np.where(symbol <= _MOST_MEAN_BITS, length | symbol << 5, 0).tolist()
    return entries


@functools.lru_cache(32)
def coefficients(lengths: bytes, values: bytes) -> tuple[list[int], list[int]]:
    """For each 16 bits: bits that as many coefficients take as begin in them, and above bit 5 how many coefficients.

    The end of a block counts as 64. The second list is the same for the first coefficient alone.
    """
    length, symbol = codes(lengths, values)
    run, size = symbol >> 4, symbol & 15
    count = np.where(symbol == 0, 64, run + 1)
    valid = (length > 0) & ((size > 0) | (symbol == 0) | (symbol == 0xF0))
    one = np.where(valid, length + size | count << 5, 0)
    several, index = one.copy(), np.arange(_WINDOW, dtype=np.int32)
    for _ in range(3):
        used = several & 31
        following = (index << np.minimum(used, 16)) & (_WINDOW - 1)
        fits = (several > 0) & (several < _END_OF_BLOCK) & (used + length[following] <= 16) & (one[following] > 0)
        fits &= (several >> 5) + (one[following] >> 5 & 63) < 63
        fits &= used + (one[following] & 31) < 32
        if not fits.any():
            break
        several = np.where(fits, several + one[following], several)
    return several.tolist(), one.tolist()
