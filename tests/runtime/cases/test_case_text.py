"""A case on one line."""

from __future__ import annotations

import pytest

from edge_run.cli.output import Style
from edge_run.cli.records.case_text import HEADER, case_line

CASE = {
    "id": "1m8arp6kfka8",
    "utc": "2026-11-26T01:49:27+00:00",
    "label": "covid",
    "probability": 0.7991,
    "interval": None,
    "bundle": "toy",
    "flags": [],
    "notes": [],
}


@pytest.mark.parametrize(("interval", "words"), [(None, "79.9%"), ([0.65, 0.836], "65%-84%")])
def test_case_shows_bounds_where_not_all_members_answered(interval: list[float] | None, words: str) -> None:
    line = case_line(CASE | {"interval": interval}, Style(colour=False))
    assert words in line.split()
    assert line.index("toy") == HEADER.index("bundle")
