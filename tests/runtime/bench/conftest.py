"""Measurements without any time passing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_run.bench.record import Conditions, Record, Result, Skipped, Trial, Variant
from edge_run.bench.summary import summarise
from toy import write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEMBER = Variant("cpu", "fp32", "member", member="resnet18")
FULL = Variant("cpu", "fp32", "ensemble", exit="full")
CERTIFIED = Variant("openvino", "fp32", "predict", exit="certified")


@pytest.fixture
def trial() -> Callable[..., Trial]:
    """A trial of the warm answers given, milliseconds; keywords change the rest."""

    def make(*warm: float, **changes: object) -> Trial:
        plain = {"load_ms": 100.0, "first_ms": 20.0, "seconds": sum(warm) / 1e3, "members_run": 2.0}
        plain |= {"peak_bytes": 2**20, "energy_j": {}, "cold_ms": None}
        return Trial(**{**plain, "warm_ms": warm, **changes})

    return make


@pytest.fixture
def result(trial: Callable[..., Trial]) -> Callable[..., Result]:
    """A result of a variant whose answers all took as long, or that failed."""

    def make(variant: Variant, p50: float | None = 10.0, error: str = "", **changes: object) -> Result:
        trials = () if p50 is None else (trial(p50, p50, **changes), trial(p50, p50, **changes))
        return Result(
            variant, {"resnet18": 2, "googlenet": 2}, 3 * 2**20, summarise(trials) if trials else None, trials, error
        )

    return make


@pytest.fixture
def record(result: Callable[..., Result]) -> Callable[..., Record]:
    """A record of results, by default one of each kind."""

    def make(*results: Result, schema: int = 2, synthetic: bool = True, cpu: str = "some CPU") -> Record:
        return Record(
            schema,
            "2026-01-01T00:00:00+00:00",
            "edge-run bench",
            "toy",
            "b" * 64,
            {"version": "0.2.0", "cpu": cpu, "packages": {"onnxruntime": "1.30"}},
            Conditions((0, 1, 3), 1.5, 2, "performance", (0.5, 1.0), 2, 1.0, 4, 2, 0.1, 8, synthetic, "a" * 64),
            results or (result(MEMBER), result(FULL, 20.0), result(CERTIFIED, 30.0, cold_ms=400.0)),
            (Skipped("cuda", "", "no GPU", "buy one"),),
        )

    return make


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of two members. Tests must not write into it."""
    return write_toy_bundle(tmp_path_factory.mktemp("bench") / "toy", members=2)
