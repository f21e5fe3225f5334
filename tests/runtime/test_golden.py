"""Nothing changes in what is answered: predictions that were recorded before, to the bit on the same machine.

``PYTHONPATH=tests python tests/runtime/test_golden.py`` writes the file anew; do that only where an answer is meant to
change, and say so in the commit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from edge_run import Ensemble
from edge_run.machine.processor import cpu_name
from toy import png, scan, write_toy_bundle

GOLDEN = Path(__file__).with_name("golden.json")
SAMPLES = Path(__file__).parents[2] / "samples"
SHAPES = ((90, 70), (130, 160), (170, 250))
# Another processor, or another version of ONNX Runtime, has other kernels, whose sums end in other bits.
ELSEWHERE = 0.5


def answers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Predict samples and drawn scans with the embedded bundle and two toys, with every member and with early exit."""
    scans = [(SAMPLES / name).read_bytes() for name in ("ct.png", "cxr.png")]
    scans += [png(scan(seed, shape)) for seed, shape in enumerate(SHAPES)]
    bundles: dict[str, str | Path] = {
        "ct-covid": "ct-covid",
        "two": write_toy_bundle(folder / "two"),
        "three": write_toy_bundle(folder / "three", labels=("covid", "normal", "pneumonia")),
    }
    made = {}
    for name, bundle in bundles.items():
        for early_exit in (False, True):
            with Ensemble.load(bundle, precision="int8-cpu", backend="cpu", early_exit=early_exit) as ensemble:
                records = [record(ensemble.predict(one).to_dict()) for one in scans]
            made[f"{name}, {'early exit' if early_exit else 'all members'}"] = records
    return made


def record(prediction: dict[str, Any]) -> dict[str, Any]:
    """Keep what is answered, numbers exactly as they are."""
    return {
        "scan": prediction["scan_sha256"],
        "steps": list(prediction["steps"]),
        "label": prediction["label"],
        "probabilities": {label: float(p).hex() for label, p in prediction["probabilities"].items()},
        "interval": [float(p).hex() for p in prediction["interval"] or ()],
        "flags": [flag["name"] for flag in prediction["flags"]],
        "logits": {member["id"]: [float(x).hex() for x in member["logits"]] for member in prediction["members"]},
    }


def machine() -> list[str]:
    return [cpu_name(), onnxruntime.__version__]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    return json.loads(GOLDEN.read_text()), answers(tmp_path_factory.mktemp("golden"))


def test_answers_are_those_that_were_recorded(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    golden, now = both
    if golden["machine"] == machine():
        assert now == golden["answers"]
    for name, before in golden["answers"].items():
        for wanted, found in zip(before, now[name], strict=True):
            assert (found["scan"], found["steps"], found["label"]) == (
                wanted["scan"], wanted["steps"], wanted["label"]
            )  # fmt: skip
            for member in wanted["logits"].keys() & found["logits"].keys():
                expected = [float.fromhex(x) for x in wanted["logits"][member]]
                assert [float.fromhex(x) for x in found["logits"][member]] == pytest.approx(expected, abs=ELSEWHERE)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        text = json.dumps({"machine": machine(), "answers": answers(Path(scratch))}, indent=1)
    GOLDEN.write_text(text + "\n")
    sys.stdout.write(f"{GOLDEN}\n")
