"""The pictures of a case: its scan, and the heatmap as a transparent layer of the same size."""

from __future__ import annotations

import re
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run._files import sha256
from edge_run._files.read import load
from edge_run.errors import InputError
from edge_run.heatmap import layer
from edge_run.scan.read import MAX_BYTES, read_frames

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from edge_run.heatmap import Maps
    from edge_run.scan.scan import Scan

LARGEST = 1024
"""Longest side of a picture, in pixels; a smaller scan keeps its size, and the browser enlarges it."""

MAX_CACHED_BYTES = 32 * 2**20
_FRAME = re.compile(r"frame (\d+) of \d+")


class Cache:
    """The pictures that were drawn last, up to `MAX_CACHED_BYTES`; nothing of them is written to a disk."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._lock, self._bytes = Lock(), 0

    def get(self, key: tuple[str, ...]) -> bytes | None:
        """Return a picture that was kept."""
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
            return self._drawn.get(key)

    def put(self, key: tuple[str, ...], png: bytes) -> None:
        """Keep a picture, and forget those that were not asked for longest."""
        with self._lock:
            self._bytes += len(png) - (len(self._drawn[key]) if key in self._drawn else 0)
            self._drawn[key] = png
            while self._bytes > MAX_CACHED_BYTES:
                _, oldest = self._drawn.popitem(last=False)
                self._bytes -= len(oldest)


def read_kept(case: Mapping[str, Any], images: Path) -> Scan | None:
    """Read the scan of a case as it was kept beside the log; None where it was not kept, or is gone.

    Raises
    ------
    InputError
        The file is no longer the one that was kept, or cannot be read.
    """
    kept = case["kept_image"]
    if not kept or not (images / kept).is_file():
        return None
    data = load(images / kept, MAX_BYTES)
    if sha256(data) != kept:
        raise InputError("the scan that was kept has changed since", hint="edge-run cases verify")
    frames = read_frames(data)
    found = [_FRAME.fullmatch(step) for step in case["steps"]]
    number = next((int(match[1]) for match in found if match), 1)
    return frames[number - 1] if number <= len(frames) else None


def scan_png(scan: Scan) -> bytes:
    """Encode a scan's grey pixels as PNG, its longer side at most :data:`LARGEST` pixels."""
    width, height = size_of(scan)
    return _png(np.asarray(cv2.resize(scan.pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8))


def map_png(maps: Maps, scan: Scan) -> bytes:
    """Draw the vote's map as a layer over :func:`scan_png`'s picture."""
    width, height = size_of(scan)
    picture = layer(maps.ensemble, maps.limit, (height, width), line=max(1, max(width, height) // 300))
    return _png(picture)


def size_of(scan: Scan) -> tuple[int, int]:
    """Return width and height of the pictures of a scan."""
    height, width = scan.pixels.shape
    share = min(1.0, LARGEST / max(height, width))
    return max(1, round(width * share)), max(1, round(height * share))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()
