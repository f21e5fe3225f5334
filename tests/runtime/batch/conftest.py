"""500 drawn scans with bad files among them, and their answers from one shard."""

from __future__ import annotations

import pytest

from archives import Archive, batch, draw_archive, merged
from toy import write_toy_bundle


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Tests must not write into it."""
    place = tmp_path_factory.mktemp("archive")
    bundle = write_toy_bundle(place / "toy", members=2)
    files = draw_archive(place / "scans")
    batch(place / "scans", "--out", place / "out", "--bundle", bundle)
    found = merged(place / "out")
    assert (found["listed"], found["missing"], found["double"]) == (files, 0, 0)
    return Archive(place / "scans", bundle, place / "out", (place / "out" / "answers.jsonl").read_bytes(), files)
