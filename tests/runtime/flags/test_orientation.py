"""Inverted and turned scans are told by two small models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_run import Ensemble
from edge_run.errors import BundleError
from edge_run.flags.orientation import SIDE, Orientation, image_flags
from edge_run.flags.quality import standardised
from samples.draw import chest_ct
from toy import npy, replace_file, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

CT = chest_ct(7, size=128)


def models() -> np.ndarray:
    """Inverted: unlike the upright thumbnail. Turned: the lower half is darker than in it."""
    upright = standardised(CT, SIDE)
    turned = np.zeros((SIDE, SIDE))
    turned[: SIDE // 2], turned[SIDE // 2 :] = upright[: SIDE // 2], upright[SIDE // 2 :]
    rows = [np.append(-upright.ravel(), 0.0), np.append((turned[::-1] - turned).ravel(), 0.0)]
    return np.asarray(rows, np.float32)


def names(pixels: np.ndarray) -> list[str]:
    return [flag.name for flag in image_flags(np.ascontiguousarray(pixels), Orientation(models()), None)]


def test_each_wrong_form_has_its_flag() -> None:
    assert names(CT) == []
    assert names(255 - CT) == ["inverted"]
    assert names(CT[::-1]) == ["turned"]
    assert names(255 - CT[::-1]) == ["inverted", "turned"]


def test_a_blank_image_has_no_orientation() -> None:
    assert names(np.full((128, 128), 9, np.uint8)) == ["blank"]


def test_score_is_the_log_odds_of_a_logistic_model() -> None:
    fitted = models()
    fitted[:, -1] = (0.25, -0.5)
    thumbnail = standardised(CT, SIDE).ravel()
    expected = [float(row[:-1].astype(float) @ thumbnail + row[-1]) for row in fitted]
    assert Orientation(fitted).score_rows(thumbnail[None])[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 256), np.float32), np.zeros((2, 257)), np.full((2, 257), np.nan, np.float32)]
)
def test_damaged_models_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(BundleError, match="models of orientation are damaged"):
        Orientation(bad)


def test_a_bundle_with_the_check_flags_by_it(tmp_path: Path) -> None:
    def mutate(plain: dict[str, Any]) -> None:
        entry = {"path": "flags/orientation.npy", "sha256": "0" * 64, "bytes": 0}
        for flags in plain["flags"].values():
            flags["orientation"] = {"models": entry, "flagged": 0.0, "inverted": 1.0, "turned": 1.0}

    made = write_toy_bundle(tmp_path / "toy", mutate=mutate)
    (made / "flags").mkdir()
    replace_file(made, "flags/orientation.npy", npy(models()))
    with Ensemble.load(made) as loaded:
        assert [flag.name for flag in loaded.predict(255 - CT).decision.flags] == ["inverted"]
        assert [flag.name for flag in loaded.predict(CT).decision.flags] == []
