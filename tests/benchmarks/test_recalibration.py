"""The study of recalibrations deals out patients, not scans, and says why a vote was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.studies.recalibration import FEWEST_JUDGES, Trial, coarse, gamma, rows, trial
from edge_run.bundle.bundle import Bundle
from edge_run.cases import CaseLog, reading
from noted_cases import answer_of, draw, note
from toy import write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_scans_of_a_drawn_patient_judge_nothing(tmp_path: Path) -> None:
    bundle = Bundle(write_toy_bundle(tmp_path / "toy"))
    logits, truth = draw(120)
    with CaseLog.open(tmp_path / "cases.sqlite") as log:
        log.connection.execute("PRAGMA synchronous = OFF")
        for n, (scores, target) in enumerate(zip(logits.transpose(1, 0, 2), truth, strict=True)):
            note(
                log, log.append(answer_of(bundle, scores, scan=f"{n:064x}")), bundle.labels[target], f"patient {n // 4}"
            )
        entries = list(reading.cases(log))
    found = trial(bundle, entries, 60, seed=1)
    assert found is not None
    assert not found.refused
    assert found.after["nll"] < found.before["nll"]
    assert trial(bundle, entries, 120 - FEWEST_JUDGES + 4, seed=1) is None
    few = trial(bundle, entries, 20, seed=1)
    assert few is not None
    assert few.refused == "too few of a class"
    assert few.after == few.before


def test_table_counts_refusals() -> None:
    same = dict.fromkeys(("nll", "ece", "balanced_accuracy", "auroc", "flagged", "missed"), 0.5)
    lines = rows(50, [Trial("", same, same), Trial("too few of a class", same, same)])
    assert "| 1 of 2 |" in lines[1]
    assert "1 refused: too few of a class" in lines[2]
    assert "too few scans" in rows(50, [])[0]


def test_changes_make_other_scans() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(256).reshape(256, 256)
    assert (gamma(pixels) >= pixels).all()
    assert coarse(pixels).shape == (64, 64)
