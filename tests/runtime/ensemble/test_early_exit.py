"""Certified early exit: fewer members, the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_run import Decision, Ensemble
from edge_run.scan.preprocessing import PreprocessSpec, preprocess
from toy import scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

SCANS = 60


def decide(ensemble: Ensemble, batch: np.ndarray) -> list[Decision]:
    return [vote.decision for vote in ensemble.vote(batch)]


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.concatenate([preprocess(scan(seed), PreprocessSpec(size=32)) for seed in range(SCANS)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, batch: np.ndarray) -> Path:
    """Toys whose thresholds cut through the middle of what they answer."""
    at = tmp_path_factory.mktemp("bundle")

    def staged(plain: dict[str, Any]) -> None:
        archs = [member["id"] for member in plain["members"]]
        plain["stages"] = [archs[:2], archs[2:3], archs[3:]]
        for member, weight in zip(plain["members"], (0.6, 0.3, 0.07, 0.03), strict=True):
            member["weight"] = weight
            for artefact in member["artefacts"].values():
                artefact["temperature"] /= 20

    with Ensemble.load(write_toy_bundle(at / "first", mutate=staged)) as loaded:
        found = [one.measures for one in decide(loaded, batch)]

    def cut(plain: dict[str, Any]) -> None:
        staged(plain)
        plain["task"]["threshold"] = float(np.median([one["score"] for one in found]))
        for thresholds in plain["flags"].values():
            thresholds["low_confidence"] = float(np.quantile([one["confidence"] for one in found], 0.2))
            thresholds["disagreement"] = float(np.quantile([one["disagreement"] for one in found], 0.8))

    return write_toy_bundle(at / "toy", mutate=cut)


def test_label_and_flags_are_those_of_all_members(folder: Path, batch: np.ndarray) -> None:
    with Ensemble.load(folder) as full, Ensemble.load(folder, early_exit=True) as early:
        whole, some = decide(full, batch), decide(early, batch)
    assert [one.label for one in some] == [one.label for one in whole]
    assert [[f.name for f in one.flags] for one in some] == [[f.name for f in one.flags] for one in whole]
    assert len({one.label for one in whole}) == 2
    assert {f.name for one in whole for f in one.flags} == {"low-confidence", "members-disagree"}
    assert {len(one.members) for one in some} >= {2, 4}, "some stop early, some do not"


def test_interval_holds_what_all_members_say(folder: Path, batch: np.ndarray) -> None:
    with Ensemble.load(folder) as full, Ensemble.load(folder, early_exit=True) as early:
        for whole, some in zip(decide(full, batch), decide(early, batch), strict=True):
            if len(some.members) == 4:
                assert some == whole
                continue
            assert some.interval is not None
            assert set(some.left_out) == {m.id for m in whole.members} - {m.id for m in some.members}
            low, high = some.interval
            assert low - 1e-9 <= whole.probability <= high + 1e-9
            assert low <= some.probability <= high
            missing = sum(m.weight for m in whole.members) - sum(m.weight for m in some.members)
            assert high - low <= missing + 1e-9


def test_members_answer_stage_by_stage(folder: Path, batch: np.ndarray) -> None:
    with Ensemble.load(folder, early_exit=True) as early:
        stages = early.manifest.stages
        reached = [tuple(m.id for m in one.members) for one in decide(early, batch)]
    order = [arch for stage in stages for arch in stage]
    ends = {tuple(order[:n]) for n in (2, 3, 4)}
    assert {tuple(sorted(r, key=order.index)) for r in reached} <= ends


def test_one_scan_and_many_stop_alike(folder: Path, batch: np.ndarray) -> None:
    with Ensemble.load(folder, early_exit=True) as early:
        together = decide(early, batch)
        for n in range(0, SCANS, 7):
            (alone,) = decide(early, batch[n : n + 1])
            assert [m.id for m in alone.members] == [m.id for m in together[n].members]
            assert alone.label == together[n].label


def test_full_asks_everybody(folder: Path) -> None:
    with Ensemble.load(folder) as full:
        decision = full.predict(scan(1)).decision
    assert len(decision.members) == 4
    assert (decision.interval, decision.left_out) == (None, ())
