"""The models of orientation, fitted on drawn scans."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_export.flags.orientation import MOST_FLAGGED, FittedOrientation, fit_orientation
from edge_run.flags import Orientation
from samples.draw import chest_ct


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    for seed in range(40):
        cv2.imwrite(str(folder / f"{seed}.png"), chest_ct(seed, size=64))
    return [folder / f"{seed}.png" for seed in range(40)]


def test_scans_that_were_not_fitted_are_told(files):
    fitted = fit_orientation(files[:30], files[30:])
    assert (fitted.flagged, fitted.inverted, fitted.turned) == (0.0, 1.0, 1.0)
    assert fitted.usable
    judge = Orientation(fitted.models)
    new = chest_ct(99, size=300)
    found = [
        [flag.name for flag in judge.flags(np.ascontiguousarray(pixels))]
        for pixels in (new, new[:, ::-1], 255 - new, np.rot90(new), np.rot90(new, 2), np.rot90(new, 3), new[::-1])
    ]
    assert found == [[], [], ["inverted"], *[["turned"]] * 4]


def test_a_check_that_marks_what_is_right_is_left_out(files):
    upside_down = [path.with_suffix(".bmp") for path in files[30:]]
    for path in upside_down:
        cv2.imwrite(str(path), cv2.imread(str(path.with_suffix(".png")), 0)[::-1])
    fitted = fit_orientation(files[:30], upside_down)
    assert fitted.flagged == 1.0
    assert not fitted.usable
    assert fitted.in_words().endswith("too many, it is left out")


def test_words_give_the_shares():
    fitted = FittedOrientation(np.zeros((2, 257), np.float32), MOST_FLAGGED, 1.0, 0.967)
    assert fitted.in_words() == (
        "orientation: marks 100.0% of inverted and 96.7% of turned validation scans, and 5.0% of them as they are"
    )
