"""How many damaged JPEGs pass for whole ones, and how many whole ones are refused.

    python -m benchmarks.studies.damaged_files [FOLDER] [--every N]

Without a folder it draws phantoms. Each picture is read as it is, and with each kind of damage; also written anew as a
progressive JPEG and with optimised Huffman tables and restart markers. A flipped bit is left out: without a checksum it
can stand for another sound picture.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run import InputError, read

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIANTS = {
    "as it is": [],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 8, cv2.IMWRITE_JPEG_OPTIMIZE, 1],
}


def damaged(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield each kind of damage to what lies between the headers and the end marker."""
    start, end = data.rindex(b"\xff\xda") + 16, len(data) - 2
    for size in (512, 4096):
        at = int(rng.integers(start, max(start + 1, end - size)))
        stop = min(at + size, end)
        for name, filling in {"zeroed": b"\0", "erased": b"\xff"}.items():
            yield f"{size} bytes {name}", data[:at] + filling * (stop - at) + data[stop:]
        yield f"{size} bytes missing", data[:at] + data[stop:]
        yield f"{size} bytes of another file", data[:at] + rng.bytes(stop - at) + data[stop:]
    at = int(rng.integers(start, max(start + 1, end - 1024)))
    yield "two sectors exchanged", data[:at] + data[at + 512 : at + 1024] + data[at : at + 512] + data[at + 1024 :]
    half = (start + end) // 2
    yield "half, then an end marker", data[:half] + b"\xff\xd9"


def pictures(folder: Path | None, every: int) -> Iterator[bytes]:
    """Yield JPEG files of a folder, or drawn ones."""
    if folder is not None:
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".jpeg"))[::every]:
            yield path.read_bytes()
        return
    rng = np.random.default_rng(0)
    for _ in range(40):
        noise = cv2.GaussianBlur(rng.normal(128, 60, (256, 256)).astype(np.float32), (0, 0), 3)
        disc = np.hypot(*(np.mgrid[:256, :256] - 128)) < rng.integers(60, 120)
        pixels = np.where(disc, noise * 2 + rng.normal(0, 6, noise.shape), 10).clip(0, 255).astype(np.uint8)
        yield cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def is_refused(data: bytes) -> bool:
    """Whether a file is refused."""
    try:
        read(data)
    except InputError:
        return True
    return False


def main() -> None:
    """Print whole files that are refused, and damaged ones that pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    rng, whole, passed, tried = np.random.default_rng(1), Counter[str](), Counter[str](), Counter[str]()
    for data in pictures(given.folder, given.every):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            continue
        for variant, options in VARIANTS.items():
            written = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90, *options])[1].tobytes()
            file = written if options else data
            whole[variant] += is_refused(file)
            tried[variant] += 1
            for kind, bad in damaged(file, rng):
                tried[f"{variant}: {kind}"] += 1
                passed[f"{variant}: {kind}"] += bad != file and not is_refused(bad)
    print(f"whole files refused: {sum(whole.values())} of {sum(tried[variant] for variant in VARIANTS)}")
    for kind in (key for key in tried if ":" in key):
        print(f"{kind:50} {passed[kind]:4} of {tried[kind]} passed")


if __name__ == "__main__":
    main()
