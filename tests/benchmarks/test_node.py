"""The measurement of kill -9 itself, small: what a node acknowledged is there after a kill, and is answered."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from toy import write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_node_loses_nothing_and_answers_once(tmp_path: Path, capsys):
    pytest.importorskip("pynetdicom")
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not installed: apt-get install dcmtk")
    from benchmarks.node.crash import crash

    write_toy_bundle(tmp_path / "bundle")
    assert crash(1, 20, 64, str(tmp_path / "bundle"), settle=1)
    assert "acknowledged and lost           0" in capsys.readouterr().out
