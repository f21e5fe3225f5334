"""What ``edge-run batch merge`` does: merge, count, write the summary and the tables."""

from __future__ import annotations

import csv as csv_writer
from typing import TYPE_CHECKING, Any

import msgspec

from edge_run._files import replace_file, replacing
from edge_run._text import table_cell
from edge_run.batch.folder import read_settings
from edge_run.batch.layout import SUMMARY
from edge_run.batch.merge import TABLE, Merged, merge
from edge_run.batch.summary import Counts

from .output import Progress
from .records.batch_text import batch_text
from .records.table import PREDICTION, Table, row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_run.batch.chain import Record

CSV = "answers.csv"


def merged_folder(out: Path, *, csv: bool) -> tuple[Merged, dict[str, Any], str]:
    """Merge a folder; return what was found, as a document and as text as well."""
    counts = Counts()
    with Progress() as progress:
        merged = merge(out, counts, lambda done, of: progress.show("verifying the parts", done, of))
    if csv:
        _write_csv(out)
    summary = counts.summary(read_settings(out))
    document = {**msgspec.to_builtins(merged), **msgspec.to_builtins(summary)}
    replace_file(out / SUMMARY, msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    return merged, document, batch_text(merged, summary, out)


def _write_csv(out: Path) -> None:
    table = Table.of(PREDICTION, (record for record in _records(out) if "error" not in record))
    with replacing(out / CSV) as unfinished, unfinished.open("w", newline="") as file:
        rows = csv_writer.writer(file, lineterminator="\n")
        rows.writerow([table_cell(column) for column in table.columns])
        for record in _records(out):
            cells = row(record)
            rows.writerow([table_cell(cells.get(column)) for column in table.columns])


def _records(out: Path) -> Iterator[Record]:
    with (out / TABLE).open("rb") as file:
        yield from map(msgspec.json.decode, file)
