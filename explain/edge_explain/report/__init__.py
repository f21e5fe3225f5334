"""An explanation as one page that opens anywhere, and as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.heatmap import put

from .numbers import numbers
from .page import page

if TYPE_CHECKING:
    from pathlib import Path

    from edge_explain.explanation import Explanation
    from edge_run.bundle.manifest import Manifest

HTML, JSON = "report.html", "report.json"


def write(explanation: Explanation, manifest: Manifest, folder: Path) -> Path:
    """Write ``report.html`` and ``report.json``.

    Parameters
    ----------
    explanation
        What to show.
    manifest
        Of the bundle that answered: temperatures, the operating point, what the bundle is for and its limits.
    folder
        Made where it is missing.

    Returns
    -------
    Path of the page: one file, without scripts or anything that it would load; A4 in print, two pages.

    Raises
    ------
    UsageError
        The folder cannot be made or written to.
    """
    put(folder / JSON, numbers(explanation, manifest))
    path = folder / HTML
    put(path, page(explanation, manifest).encode())
    return path
