"""The heatmap as a transparent layer gives the picture that is drawn in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from edge_run.heatmap import layer, overlay
from toy import scan


@pytest.mark.parametrize("line", [0, 2])
def test_layer_over_its_scan_is_the_overlay(line):
    grey = scan(1, (120, 90))
    values = np.random.default_rng(0).normal(0, 3, (7, 7)).astype(np.float32)
    drawn = np.empty((120, 90, 3), np.uint8)
    overlay(grey, values, 4.0, line=line, out=drawn)
    over = layer(values, 4.0, grey.shape, line=line).astype(np.float64)
    opacity = over[..., 3:] / 255
    blended = grey[..., None] * (1 - opacity) + over[..., :3] * opacity
    assert np.abs(blended - drawn).max() <= 1.5
    assert (over[..., 3].max() == 255) == (line > 0)


def test_places_without_evidence_are_transparent():
    over = layer(np.zeros((4, 4), np.float32), 2.0, (20, 30))
    assert over.shape == (20, 30, 4)
    assert not over[..., 3].any()
