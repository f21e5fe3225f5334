"""Damage a file in the ways that disks, copies and attackers do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

EXTREME = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _flip_header(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(min(len(data), 400))] = rng.randrange(256)


def _number(data: bytearray, rng: random.Random) -> None:
    """Put an extreme number of 1, 2 or 4 bytes somewhere, most often into the header."""
    size = rng.choice("BHI")
    value = rng.choice(EXTREME) % (1 << 8 * struct.calcsize(size))
    span = min(len(data), rng.choice((64, 400, len(data)))) - 4
    struct.pack_into(rng.choice("<>") + size, data, max(0, rng.randrange(max(1, span))), value)


def _truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(1, len(data)) :]


def _delete(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 4, 64, 512))]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 64, 512)))


def _zero(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    span = min(rng.choice((4, 512, 4096)), len(data) - at)
    data[at : at + span] = bytes([rng.choice((0, 255))]) * span


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = bytes(data[at : at + rng.choice((4, 12, 64, 1024))]) * rng.choice((1, 2, 50))


def _swap(data: bytearray, rng: random.Random) -> None:
    one, other = sorted(rng.randrange(len(data)) for _ in range(2))
    size = min(rng.choice((4, 64, 512)), other - one, len(data) - other)
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


WAYS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip_header, _flip_header, _number, _number, _truncate, _delete, _insert, _zero, _repeat, _swap,
)  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return the file damaged in one to three ways; now and then its end is that of another file."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if len(changed) > 8:
            rng.choice(WAYS)(changed, rng)
    if rng.random() < 0.03:
        other = rng.choice(others)
        changed[rng.randrange(len(changed) + 1) :] = other[rng.randrange(len(other)) :]
    return bytes(changed)
