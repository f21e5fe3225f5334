"""What an archive looks like: labels, flags, errors, and whether its scans resemble the bundle's validation scans."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from edge_run.bundle.bundle import Bundle
from edge_run.cases.drift import Report, report
from edge_run.errors import BundleError

if TYPE_CHECKING:
    from .chain import Record
    from .folder import Settings

MOST_FOR_DRIFT = 100_000
"""Scans that drift is judged by. The table is in the order of hashes, so the first of it are a random sample."""
_FOR_DRIFT = ("scan_sha256", "label", "flags", "measures", "interval", "bundle_sha256", "precision")


class Summary(msgspec.Struct):
    """Counts over the rows of a table.

    Attributes
    ----------
    rows
        One for each file, and for each frame of a file with several.
    labels, flags
        Rows with an answer, by label and by flag.
    flagged
        Rows with an answer and a flag.
    error_messages
        Files without an answer, by what is wrong with them; names in the messages are left out.
    sources
        Rows with an answer by bundle, precision, backend and version of edge-run.
    drift
        None where the bundle is not on this machine, or nothing was answered.
    """

    rows: int
    labels: dict[str, int]
    flagged: int
    flags: dict[str, int]
    error_messages: dict[str, int]
    sources: dict[str, int]
    drift: Report | None


class Counts:
    """Takes the rows of a table one by one."""

    def __init__(self) -> None:
        self._rows = self._flagged = 0
        self._labels, self._flags, self._errors, self._sources = (Counter[str]() for _ in range(4))
        self._sample: list[Record] = []

    def __call__(self, row: Record) -> None:
        """Count a row."""
        self._rows += 1
        if "error" in row:
            message = row["error"]["message"].replace(row["path"], "")
            self._errors[message.strip().rstrip(".")] += 1
            return
        self._labels[row["label"]] += 1
        self._flagged += bool(row["flags"])
        self._flags.update({flag["name"] for flag in row["flags"]})
        source = f"{row['bundle']} {row['bundle_sha256'][:12]}, {row['precision']}, {row['backend']}, {row['version']}"
        self._sources[source] += 1
        if len(self._sample) < MOST_FOR_DRIFT:
            self._sample.append({**{name: row[name] for name in _FOR_DRIFT}, "notes": []})

    def summary(self, settings: Settings | None) -> Summary:
        """Return what was counted, and compare a sample with the validation scans of the bundle that answered."""
        labels, flags, errors, sources = (
            dict(counter.most_common()) for counter in (self._labels, self._flags, self._errors, self._sources)
        )
        drift = self._drift(settings) if settings and self._sample else None
        return Summary(self._rows, labels, self._flagged, flags, errors, sources, drift)

    def _drift(self, settings: Settings) -> Report | None:
        try:
            bundle = Bundle(settings.bundle_path)
        except BundleError:
            return None
        return report(bundle, self._sample) if bundle.sha256 == settings.bundle_sha256 else None
