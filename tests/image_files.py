"""Image files built by hand, so that no encoder is trusted to match its decoder."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows: list[bytes], width: int, bits: int, colour_type: int, *extra: bytes) -> bytes:
    """PNG of raw rows; ``extra`` chunks go before IDAT."""
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def grey_png(pixels: np.ndarray, *extra: bytes) -> bytes:
    """PNG of ``[H, W]`` uint8 or uint16."""
    bits = pixels.dtype.itemsize * 8
    rows = [row.tobytes() for row in pixels.astype(pixels.dtype.newbyteorder(">"))]
    return png(rows, pixels.shape[1], bits, 0, *extra)


def exif(orientation: int, order: str = ">") -> bytes:
    """EXIF block that holds nothing but an orientation."""
    start = b"MM\0*" if order == ">" else b"II*\0"
    return start + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def jpeg(pixels: np.ndarray, orientation: int | None = None, quality: int = 95) -> bytes:
    """JPEG by OpenCV, with an EXIF segment put in front."""
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    if orientation is None:
        return data
    body = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def tiff(pixels: np.ndarray, order: str = "<", pages: int = 1, **tags: int) -> bytes:
    """Uncompressed grey TIFF of ``pages`` equal pages; ``tags`` (``t262=0``) replace or add SHORT tags."""
    height, width = pixels.shape
    bits = pixels.dtype.itemsize * 8
    body = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    fields = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 277: 1, 278: height}
    fields |= {int(name[1:]): value for name, value in tags.items()}
    directory_bytes = 2 + 12 * (len(fields) + 2) + 4
    data_start = 8 + pages * directory_bytes
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for page in range(pages):
        entries = [(tag, 3, value) for tag, value in fields.items()]
        entries += [(273, 4, data_start), (279, 4, len(body))]
        out += struct.pack(order + "H", len(entries))
        for tag, kind, value in sorted(entries):
            out += struct.pack(order + ("HHIHH" if kind == 3 else "HHII"), tag, kind, 1, value, *((0,) * (kind == 3)))
        out += struct.pack(order + "I", 8 + (page + 1) * directory_bytes if page + 1 < pages else 0)
    return out + body


def tiff_by_opencv(pixels: np.ndarray, compression: int, rows: int) -> bytearray:
    """TIFF with ``rows`` rows to a strip; compression 1 none, 5 LZW, 8 deflate, 32773 PackBits."""
    # OpenCV calls its options by the numbers of the tags; not every version has names for them.
    how = [259, compression, 278, rows]
    return bytearray(cv2.imencode(".tif", pixels, how)[1].tobytes())


def bmp(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".bmp", pixels)[1].tobytes()


def webp(pixels: np.ndarray) -> bytes:
    """Lossless WebP of ``[H, W, 3]`` or ``[H, W, 4]`` (BGR, BGRA)."""
    return cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()


def pgm(pixels: np.ndarray, greatest: int | None = None, comment: bytes = b"") -> bytes:
    """Binary PGM of ``[H, W]`` uint8 or uint16."""
    greatest = greatest or np.iinfo(pixels.dtype).max
    height, width = pixels.shape
    body = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    return b"P5\n" + comment + b"%d %d\n%d\n" % (width, height, greatest) + body


def tiff_of_pieces(pixels: np.ndarray, piece: tuple[int, int], order: str = "<", **options: int) -> bytes:
    """TIFF of ``[H, W, samples]`` in strips (as wide as the image) or tiles of ``(rows, columns)``.

    Options: ``photometric`` (1: grey), ``separate`` planes, ``deflate``, ``predictor`` (horizontal differences).
    """
    height, width, samples = pixels.shape
    rows, columns = piece
    tiled = columns != width
    down, across = (-(-side // step) for side, step in zip((height, width), piece, strict=True))
    full = np.zeros((down * rows if tiled else height, across * columns, samples), pixels.dtype)
    full[:height, :width] = pixels
    pieces = []
    for plane in np.split(full, samples, axis=2) if options.get("separate") else [full]:
        for top in range(0, len(full), rows):
            for left in range(0, full.shape[1], columns):
                block = plane[top : top + rows, left : left + columns].copy()
                if options.get("predictor"):
                    block[:, 1:] -= block[:, :-1].copy()
                data = block.astype(block.dtype.newbyteorder(order)).tobytes()
                pieces.append(zlib.compress(data) if options.get("deflate") else data)
    colours = 3 if options.get("photometric") == 2 else 1
    fields = {256: [width], 257: [height], 258: [pixels.dtype.itemsize * 8] * samples}
    fields |= {259: [8 if options.get("deflate") else 1], 262: [options.get("photometric", 1)], 277: [samples]}
    fields |= {284: [2 if options.get("separate") else 1], 317: [2 if options.get("predictor") else 1]}
    fields |= {338: [2] * (samples - colours)} if samples > colours else {}
    fields |= {322: [columns], 323: [rows]} if tiled else {278: [rows]}
    lengths = [len(piece) for piece in pieces]
    start = 8
    offsets = [start + sum(lengths[:n]) for n in range(len(pieces))]
    fields |= {324: offsets, 325: lengths} if tiled else {273: offsets, 279: lengths}
    return _tiff_file(fields, b"".join(pieces), order)


def _tiff_file(fields: dict[int, list[int]], body: bytes, order: str) -> bytes:
    """Pixel data, then values that are too many for an entry, then the directory."""
    body += b"\0" * (len(body) % 2)
    entries = []
    for tag, values in sorted(fields.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(packed) > 4:
            body, packed = body + packed, struct.pack(order + "I", 8 + len(body))
        entries.append(struct.pack(order + "HHI", tag, 4, len(values)) + packed)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body))
    return head + body + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
