"""Write an explanation as one page that opens anywhere, and its numbers as JSON."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_run.heatmap import write_file

from .numbers import numbers
from .page import IndexEntry, index_entry, index_page, page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_explain.explanation import Explanation
    from edge_run.bundle.manifest import Manifest

__all__ = ["HTML", "INDEX", "JSON", "IndexEntry", "index_entry", "write", "write_index"]

HTML, JSON, INDEX = "report.html", "report.json", "index.html"


def write(explanation: Explanation, manifest: Manifest, folder: Path, *, created: datetime | None = None) -> Path:
    """Write ``report.html`` and ``report.json``, which only this user may read.

    Parameters
    ----------
    explanation
        The explanation to show.
    manifest
        Of the bundle that answered.
    folder
        Is made where it is missing.
    created
        The date of the report; by default now.

    Returns
    -------
    Path of the page: one file, without scripts or anything that it would load, two pages of A4 in print.

    Raises
    ------
    UsageError
        The folder cannot be made or written to.
    """
    created = created or datetime.now(timezone.utc).astimezone()
    write_file(folder / JSON, numbers(explanation, manifest, created))
    path = folder / HTML
    write_file(path, page(explanation, manifest, created).encode())
    return path


def write_index(entries: Sequence[IndexEntry], folder: Path, *, created: datetime | None = None) -> Path:
    """Write ``index.html``, which lists reports and links to them, and return its path.

    Raises
    ------
    UsageError
        The folder cannot be made or written to.
    """
    path = folder / INDEX
    write_file(path, index_page(entries, created or datetime.now(timezone.utc).astimezone()).encode())
    return path
