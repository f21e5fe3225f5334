"""Scans that were kept beside the case log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_run._files import sha256
from edge_run._files.read import load
from edge_run.cases.location import images_folder
from edge_run.errors import InputError
from edge_run.scan.read import MAX_BYTES, read_frames

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from edge_run.scan.scan import Scan

_FRAME = re.compile(r"frame (\d+) of \d+")


def kept_scan(case: Mapping[str, Any], log: Path) -> Scan | None:
    """Read the scan of a case of a log as it was kept; None where it was not kept, or is gone.

    Raises
    ------
    InputError
        The file is no longer the one that was kept, or cannot be read.
    """
    kept = case["kept_image"]
    path = images_folder(log) / (kept or "")
    if not kept or not path.is_file():
        return None
    data = load(path, MAX_BYTES)
    if sha256(data) != kept:
        raise InputError("the scan that was kept has changed since.", hint="edge-run cases verify")
    frames = read_frames(data)
    found = [_FRAME.fullmatch(step) for step in case["steps"]]
    number = next((int(match[1]) for match in found if match), 1)
    return frames[number - 1] if number <= len(frames) else None
