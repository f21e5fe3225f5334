"""How many ensembles a Ray cluster holds, without Ray."""

from __future__ import annotations

import importlib.util

import pytest

from edge_run.batch.ray_cluster import Plan, plan
from edge_run.errors import UsageError
from toy import edge_run


@pytest.mark.parametrize(
    ("cpus", "cores", "expected"),
    [
        ([3.0], None, Plan(1, 2)),
        ([3.0], 1, Plan(2, 1)),
        ([2.0], None, Plan(1, 1)),
        ([2.0, 2.0], 1, Plan(3, 1)),
        ([2.0, 1.0], None, Plan(2, 1)),
        ([64.0], None, Plan(15, 4)),
        ([65.0], None, Plan(16, 4)),
        ([16.0, 16.0, 16.0], 4, Plan(11, 4)),
        # A head node without CPUs, as is usual on a cluster.
        ([0.0, 8.0], 4, Plan(1, 4)),
    ],
)
def test_one_logical_cpu_is_left(cpus: list[float], cores: int | None, expected: Plan) -> None:
    assert plan(cpus, cores) == expected


@pytest.mark.parametrize(("cpus", "cores"), [([], None), ([1.0], None), ([0.5], None), ([4.0], 4), ([1.0, 1.0], 2)])
def test_cluster_that_would_hang_is_refused_with_the_reason(cpus: list[float], cores: int | None) -> None:
    with pytest.raises(UsageError, match="too few for an ensemble on") as caught:
        plan(cpus, cores)
    assert "ray start --num-cpus=" in caught.value.hint


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_missing_ray_is_named_with_the_command_that_installs_it(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    done = edge_run(capsys, "batch", "run", "scan.png", "--out", tmp_path, "--ray")
    assert done.code == 5
    assert "pip install 'edge-run[ray]'" in done.err


@pytest.mark.parametrize("arguments", [("--ray", "scans"), ("--ray", "nowhere", "--shard", "1/2"), ("--ray=x/y",)])
def test_what_is_no_address_is_refused(
    arguments: tuple[str, ...], tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    done = edge_run(capsys, "batch", "scan.png", "--out", tmp_path, *arguments)
    assert done.code == 2
