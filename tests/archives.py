"""An archive of drawn scans with bad files and copies among them, and ``edge-run batch`` as a process of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toy import png, scan

if TYPE_CHECKING:
    from pathlib import Path

SCANS = 500
CONSOLE = "from edge_run.cli import console; console()"


class Archive(NamedTuple):
    """Where everything lies, and the table that one shard without interruption gives."""

    folder: Path
    bundle: Path
    out: Path
    table: bytes
    files: int


def batch(*arguments: object, code: int = 0) -> str:
    """Run ``edge-run batch`` as a process of its own, and return what it writes to standard output."""
    done = subprocess.run(
        [sys.executable, "-c", CONSOLE, "batch", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def merged(out: Path, code: int = 0) -> dict[str, object]:
    """Merge, and return the summary."""
    return json.loads(batch("merge", out, "--json", code=code))


def draw_archive(folder: Path, scans: int = SCANS) -> int:
    """Draw scans; every fiftieth file is damaged or a copy. Return how many files there are."""
    for n in range(scans):
        place = folder / f"ward{n % 7}" / f"{n:04}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(scan(n)))
        if n % 50 == 0:
            place.with_name(f"{n:04}-cut.png").write_bytes(png(scan(n))[:900])
            place.with_name(f"{n:04}-copy.png").write_bytes(png(scan(n)))
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("no image")
    (folder / "gone.png").symlink_to("nowhere.png")
    series = importlib.util.find_spec("pydicom") is not None
    if series:
        from dicoms import encode, image

        (folder / "series.dcm").write_bytes(encode(image(np.stack([scan(seed) for seed in (900, 901, 902)]))))
    return scans + 2 * (scans // 50) + 3 + series
