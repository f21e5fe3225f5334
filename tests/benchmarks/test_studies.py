"""The committed results can still be read by the commands that print them into the documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks import refresh
from benchmarks.accuracy.rows import read
from benchmarks.accuracy.tables import markdown
from benchmarks.studies import export_table
from edge_export import ExportReport

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def block(document: str, command: str) -> str:
    """What stands in a document between the markers of the one command that contains ``command``."""
    text = (ROOT / "docs" / document).read_text()
    (found,) = [block for block in refresh.blocks(text) if command in block.command]
    return "\n".join(text.splitlines()[found.first : found.last]).strip()


def test_accuracy_table_is_what_the_stored_rows_give() -> None:
    assert markdown(read([RESULTS / "accuracy.jsonl"])) == block("benchmarks.md", "benchmarks.accuracy table")


def test_export_table_is_what_the_stored_report_gives(capsys: pytest.CaptureFixture[str]) -> None:
    export_table.main(msgspec.json.decode((RESULTS / "export.json").read_bytes(), type=ExportReport))
    assert capsys.readouterr().out.strip() == block("export.md", "benchmarks.studies.export_table")
