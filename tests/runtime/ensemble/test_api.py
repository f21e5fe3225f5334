"""What people guess: one way to answer anything, and results that explain themselves."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from edge_run import Bundle, Decision, Ensemble, InputError, Prediction, UsageError, read
from edge_run.scan.inputs import Input
from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    with Ensemble.load(write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)) as loaded:
        yield loaded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(png(scan(2)))
    return path


class Picture:
    """An image as PIL has them: no array, but it becomes one."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return scan(2)


def test_every_kind_of_scan_gets_the_same_answer(ensemble: Ensemble, path: Path) -> None:
    sources = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), scan(2), Picture(), read(path)]
    assert len({str(ensemble.predict(one).decision.probabilities) for one in sources}) == 1
    assert [ensemble.predict(one).path for one in sources[:3]] == [str(path), str(path), ""]


def test_other_types_are_refused_with_what_is_accepted(ensemble: Ensemble) -> None:
    with pytest.raises(UsageError, match=r"float is no scan, expected a path, .* or a Scan"):
        ensemble.predict(3.5)  # type: ignore[arg-type]


def test_shortcuts_are_the_decision(ensemble: Ensemble, path: Path) -> None:
    prediction = ensemble.predict(path)
    names = ("label", "probability", "probabilities", "interval", "flags", "members")
    assert [getattr(prediction, n) for n in names] == [getattr(prediction.decision, n) for n in names]


def test_record_is_the_one_that_the_command_prints(
    ensemble: Ensemble, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = edge_run(capsys, "predict", path, "--bundle", ensemble.bundle.path, "--jsonl", "--no-case-log").out
    expected = json.loads(printed)
    record = ensemble.predict(path).to_dict()
    assert list(record) == list(expected)
    varies = {"timing_ms"}
    assert {k: v for k, v in record.items() if k not in varies} == {
        k: v for k, v in expected.items() if k not in varies
    }


def test_json_is_the_record(ensemble: Ensemble, path: Path) -> None:
    prediction = ensemble.predict(path)
    assert json.loads(prediction.to_json()) == prediction.to_dict()
    assert "\n" not in prediction.to_json()
    assert prediction.to_json(indent=2).startswith('{\n  "path"')
    assert json.loads(prediction.to_json(case="1m8"))["case"] == "1m8"


def test_a_name_that_is_no_text_still_has_a_record(ensemble: Ensemble, path: Path) -> None:
    strange = path.with_name(os.fsdecode(b"\xff.png"))
    path.rename(strange)
    assert json.loads(ensemble.predict(strange).to_json())["path"].endswith("?.png")


# Many


def test_many_of_any_kind_in_order(ensemble: Ensemble, path: Path) -> None:
    results = list(ensemble.predict_many([path, b"no image", scan(3), str(path), Input("x", path)]))
    assert [result.prediction.path if result.prediction else "" for result in results] == [
        str(path), "", "", str(path), "x",
    ]  # fmt: skip
    assert [type(result.error) for result in results[:3]] == [type(None), InputError, type(None)]
    third = results[2].prediction
    assert third is not None
    assert third.decision == ensemble.predict(scan(3)).decision


def test_many_keep_the_bytes_on_request(ensemble: Ensemble, path: Path) -> None:
    data = path.read_bytes()
    assert [r.data for r in ensemble.predict_many([path, data, scan(2)], keep_data=True)] == [data, data, None]


# Heatmaps


def test_heatmap_of_a_prediction_is_that_of_its_scan(ensemble: Ensemble, path: Path, tmp_path: Path) -> None:
    prediction = ensemble.predict(path)
    heatmap = ensemble.heatmap(prediction)
    assert heatmap.prediction.decision == prediction.decision
    assert (heatmap.picture == ensemble.heatmap(scan(2)).picture).all()
    assert set(heatmap.maps.members) == {"resnet18", "googlenet"}
    heatmap.save(tmp_path / "map.png")
    assert (cv2.imread(str(tmp_path / "map.png"))[:, :, ::-1] == heatmap.picture).all()


def test_heatmap_of_another_picture_is_refused(ensemble: Ensemble, path: Path) -> None:
    prediction = ensemble.predict(path)
    path.write_bytes(png(scan(9)))
    with pytest.raises(InputError, match="no longer the file that was answered"):
        ensemble.heatmap(prediction)
    with pytest.raises(UsageError, match="keep no picture\nhint: pass the scan itself"):
        ensemble.heatmap(ensemble.predict(scan(1)))


# What they look like


def test_reprs_tell(ensemble: Ensemble, path: Path) -> None:
    digest = ensemble.bundle.sha256[:12]
    assert repr(ensemble) == "Ensemble(toy: resnet18, googlenet; int8-cpu on cpu)"
    assert repr(Bundle(ensemble.bundle.path)) == (
        f"Bundle(toy {digest}: covid, non_covid; resnet18, googlenet; fp32, int8-cpu)"
    )
    prediction = ensemble.predict(path)
    share = f"{prediction.label} {prediction.probability:.1%}"
    assert repr(prediction).startswith(f"Prediction('{path}': {share}")
    assert repr(prediction).endswith("toy, int8-cpu)")
    assert repr(prediction.decision).startswith(f"Decision({share}")


def test_repr_of_an_early_exit_gives_the_interval() -> None:
    decision = Decision("covid", 0.8, {"covid": 0.8, "non_covid": 0.2}, (0.7, 0.9), (), (), {})
    assert repr(decision) == "Decision(covid 70.0% to 90.0%)"


def test_bundle_lists_what_it_holds(ensemble: Ensemble) -> None:
    bundle = ensemble.bundle
    assert (bundle.labels, bundle.members) == (("covid", "non_covid"), ("resnet18", "googlenet"))
    assert bundle.precisions == ("fp32", "int8-cpu")


# Closed and forked


def test_closed_ensemble_says_so(tmp_path: Path) -> None:
    loaded = Ensemble.load(write_toy_bundle(tmp_path / "toy", members=1))
    loaded.close()
    for use in (
        lambda: loaded.predict(scan()),
        lambda: list(loaded.predict_many([scan()])),
        lambda: loaded.heatmap(scan()),
    ):
        with pytest.raises(UsageError, match="this ensemble is closed"):
            use()


def test_forked_ensemble_says_so(ensemble: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(UsageError, match=r"before this process was forked, .*\nhint: load it in the child"):
        ensemble.predict(scan())


def test_prediction_is_not_compared_by_its_summary(ensemble: Ensemble) -> None:
    first, second = (ensemble.predict(scan(n)) for n in (0, 1))
    assert first != second
    assert isinstance(first, Prediction)
