"""Answers to log, without any network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge_run.cases import CaseLog
from edge_run.voting.prediction import Decision, Flag, MemberVote, Prediction, SkippedBackend, Source
from toy import Answered, edge_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENT = "Doe^Jane"


@pytest.fixture
def answer() -> Callable[..., Prediction]:
    """A prediction of a file with a patient's name; keywords change it."""

    def make(
        score: float = 0.9,
        *,
        flags: tuple[str, ...] = (),
        scan: str = "5" * 64,
        bundle: str = "b" * 64,
        precision: str = "fp32",
        interval: tuple[float, float] | None = None,
        measures: dict[str, float] | None = None,
    ) -> Prediction:
        said = {"covid": score, "non_covid": 1 - score}
        label = max(said, key=said.__getitem__)
        return Prediction(
            path=f"/scans/{PATIENT}.png",
            decision=Decision(
                label=label,
                probability=said[label],
                probabilities=said,
                interval=interval,
                flags=tuple(Flag(name, f"because of {name}") for name in flags),
                members=(MemberVote("resnet18", "resnet18", 1.0, label, said[label], said, (1.5, -0.25)),),
                measures={"score": score} if measures is None else measures,
            ),
            source=Source("toy", bundle, precision, "cpu", "0.2.0", (SkippedBackend("cuda", "no GPU"),)),
            scan_sha256=scan,
            steps=("read as PNG",),
            timing_ms={"read": 1.0, "infer": 2.0},
        )

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log of a test lies."""
    return tmp_path / "log" / "cases.sqlite"


@pytest.fixture
def log(path: Path) -> Iterator[CaseLog]:
    """An empty log."""
    with CaseLog.open(path) as opened:
        yield opened


@pytest.fixture
def cases_command(capsys: pytest.CaptureFixture[str], path: Path) -> Callable[..., Answered]:
    """``edge-run cases ... --case-log``."""

    def run(*arguments: Any) -> Answered:
        return edge_run(capsys, "cases", *arguments, "--case-log", path)

    return run
