"""Alert rules and dashboard: valid, and about metrics that the server has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_run.serve.metrics import Metrics
from edge_run.voting.prediction import Source

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
NAME = re.compile(r"\b(?:edge_run|process)_\w+")

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="Debian's package prometheus is not installed")


def promtool(*arguments, folder=RULES.parent):
    done = subprocess.run(["promtool", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def expressions():
    panels = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.fixture(scope="module")
def known():
    """All names of samples that the server gives out, whether or not there is a value yet."""
    metrics = Metrics(Source("toy", "0" * 64, "fp32", "cpu", "0"))
    found = set()
    for family in metrics.registry.collect():
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {family.name + ending for ending in endings}
    return found


@needs_promtool
@pytest.mark.parametrize("command", [("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml")])
def test_files_are_valid(command):
    code, told = promtool(*command)
    assert code == 0, told


@needs_promtool
def test_alerts_fire_when_they_should_and_not_on_a_quiet_day():
    code, told = promtool("test", "rules", "alerts_test.yml")
    assert code == 0, told


@needs_promtool
def test_expressions_of_the_dashboard_are_valid(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$instance", ".*")}
        for number, expr in enumerate(expressions())
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    code, told = promtool("check", "rules", "rules.yml", folder=tmp_path)
    assert code == 0, told


def test_every_metric_that_is_named_exists(known):
    named = {name for text in [RULES.read_text(), *expressions()] for name in NAME.findall(text)}
    assert len(named) > 10
    assert named - known == set()


def test_panels_of_the_dashboard_do_not_overlap():
    panels = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
