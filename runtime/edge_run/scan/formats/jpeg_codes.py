"""See whether the Huffman codes of a JPEG add up, scan by scan, with what its segments define (ITU-T T.81, annex B)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from edge_run.scan.formats.header import FormatError
from edge_run.scan.formats.huffman import Block, DamageError, coefficients, follow_baseline, means, require_end, split
from edge_run.scan.formats.jpeg import FRAMES, MARKER, SOS, segments
from edge_run.scan.formats.progressive import Band, follow_first, follow_means, follow_refinement, run_codes

_DHT, _DQT, _DRI = 0xC4, 0xDB, 0xDD
_BASELINE, _PROGRESSIVE = frozenset({0xC0, 0xC1}), frozenset({0xC2})
_BITS = 8
# Following takes a quarter of a second a megabyte, and ten times as long for a progressive JPEG.
_FEW_BYTES, _FEW_PROGRESSIVE_BYTES = 2**21, 2**18


class Colour:
    """One component of a frame: its quantisation table, blocks of an MCU, and those of its own that it has in all."""

    def __init__(self, table: int, across: int, down: int) -> None:
        self.table, self.across, self.down = table, across, down
        self.blocks = 0
        self.history: list[int] = []


@dataclass
class _Picture:
    """What the segments so far have defined."""

    huffman: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)
    interval: int = 0
    colours: dict[int, Colour] = field(default_factory=dict)
    mcus: int = 0
    progressive: bool = False

    def define_huffman(self, body: bytes) -> None:
        position = 0
        while position + 17 <= len(body):
            lengths = body[position + 1 : position + 17]
            end = position + 17 + sum(lengths)
            self.huffman[body[position]] = lengths, body[position + 17 : end]
            position = end

    def define_steps(self, body: bytes) -> None:
        position = 0
        while position < len(body):
            wide, number = body[position] >> 4, body[position] & 15
            self.steps[number] = int.from_bytes(body[position + 1 : position + 2 + bool(wide)], "big")
            position += 129 if wide else 65

    def define_frame(self, body: bytes) -> None:
        height, width, count = struct.unpack_from(">HHB", body, 1)
        for number, factors, table in struct.iter_unpack("BBB", body[6 : 6 + 3 * count]):
            self.colours[number] = Colour(table, factors >> 4, factors & 15)
        across, down = (max(getattr(c, way) for c in self.colours.values()) for way in ("across", "down"))
        self.mcus = -(-width // (8 * across)) * -(-height // (8 * down))
        for colour in self.colours.values():
            columns, rows = -(-width * colour.across // across), -(-height * colour.down // down)
            colour.blocks = -(-columns // 8) * -(-rows // 8)
            colour.history = [0] * colour.blocks

    def follow(self, body: bytes, coded: bytes) -> None:
        """Follow one scan: its header, and its entropy-coded data."""
        parts = [(self.colours[c], c, t >> 4, t & 15) for c, t in struct.iter_unpack("BB", body[1 : 1 + 2 * body[0]])]
        first, last, precision = body[1 + 2 * body[0] : 4 + 2 * body[0]]
        alone = len(parts) == 1
        mcus = parts[0][0].blocks if alone else self.mcus
        start = 0
        for data, count in split(coded, self.interval, mcus):
            if not self.progressive:
                plan = [self._block(*part) for part in parts for _ in range(1 if alone else _size(part[0]))]
                follow_baseline(data, plan, count)
            elif first:
                colour, _, _, ac = parts[0]
                band = Band(first, last, run_codes(*self.huffman[16 | ac]))
                (follow_refinement if precision >> 4 else follow_first)(data, band, colour.history, start, count)
            elif precision >> 4:
                # A bit for each block's mean, whatever it is.
                require_end(count * sum(1 if alone else _size(part[0]) for part in parts), data)
            else:
                plan = [self._block(*part) for part in parts for _ in range(1 if alone else _size(part[0]))]
                follow_means(data, plan, count, precision & 15)
            start += count

    def _block(self, colour: Colour, number: int, dc: int, ac: int) -> Block:
        codes = ([], []) if self.progressive else coefficients(*self.huffman[16 | ac])
        return Block(number, self.steps[colour.table], means(*self.huffman[dc]), *codes)


def require_codes_to_add_up(data: bytes) -> None:
    """Refuse a JPEG whose Huffman codes do not lead to its end; large, lossless and arithmetic-coded ones pass.

    Raises
    ------
    FormatError
        Part of its picture is lost.
    """
    picture = _Picture()
    try:
        for marker, start, length in segments(data):
            body = data[start : start + length]
            if marker == _DHT:
                picture.define_huffman(body)
            elif marker == _DQT:
                picture.define_steps(body)
            elif marker == _DRI:
                picture.interval = int.from_bytes(body[:2], "big")
            elif marker in FRAMES:
                picture.progressive = marker in _PROGRESSIVE
                known = marker in _BASELINE | _PROGRESSIVE and body[0] == _BITS
                if not known or len(data) > (_FEW_PROGRESSIVE_BYTES if picture.progressive else _FEW_BYTES):
                    return
                picture.define_frame(body)
            elif marker == SOS and not picture.colours:
                return  # JPEG-LS
            elif marker == SOS:
                following = MARKER.search(data, start + length)
                picture.follow(body, data[start + length : following.start() if following else len(data)])
    except (DamageError, KeyError, ValueError, IndexError, struct.error) as error:
        why = str(error) if isinstance(error, DamageError) else "its segments contradict each other"
        raise FormatError(f"is damaged: part of the JPEG's picture is lost ({why})") from error


def _size(colour: Colour) -> int:
    return colour.across * colour.down
