"""A toy bundle, and a log of drawn answers with notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_run.bundle.bundle import Bundle
from edge_run.cases import CaseLog
from noted_cases import answer_of, note
from toy import write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = write_toy_bundle(tmp_path_factory.mktemp("recalibrate") / "toy")
    (folder / "LICENSE").write_text("Do as you like.\n")
    return Bundle(folder)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CaseLog]:
    with CaseLog.open(tmp_path / "cases.sqlite") as opened:
        opened.connection.execute("PRAGMA synchronous = OFF")
        yield opened


@pytest.fixture
def noted(log: CaseLog, bundle: Bundle) -> Callable[..., list[str]]:
    """Log answers and note what their scans show; keywords go to the answers."""

    def add(logits, truth, *, first: int = 0, notes: bool = True, **more: object) -> list[str]:
        ids = []
        for n, (rows, target) in enumerate(zip(logits.transpose(1, 0, 2), truth, strict=True), first):
            case = log.append(answer_of(bundle, rows, **{"scan": f"{n:064x}"} | more))
            if notes:
                note(log, case, bundle.labels[target])
            ids.append(case)
        return ids

    return add
