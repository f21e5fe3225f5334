"""Which drawn scans travel with a bundle."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from edge_export.gate.precisions import RECIPES
from edge_export.gate.reference_choice import choose_reference, lead
from edge_export.scans.export_scans import ExportScans


class Made(NamedTuple):
    reference: np.ndarray


class Member(NamedTuple):
    artefacts: dict


def chosen(*leads_by_member):
    """Choose by how far the first label leads in INT8, whose tolerance is 0.5."""
    members = [
        Member({"int8-cpu": Made(np.stack([np.array(leads), np.zeros(len(leads))], 1).astype(np.float32))})
        for leads in leads_by_member
    ]
    count = len(leads_by_member[0])
    pixels = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    scans = ExportScans(SimpleNamespace(), pixels, (), pixels, (), tuple(range(count)))
    return choose_reference(members, RECIPES, scans)


def test_first_scans_that_every_member_decides_clearly():
    kept, scans, clear = chosen([2.0, 0.1, -2.0, 2.0, 0.6, 9.0], [1.0, 2.0, 1.0, -0.4, 0.7, 9.0])
    assert (scans.reference_numbers, clear) == ((0, 2, 4, 5), 4)
    assert scans.reference.ravel().tolist() == [0, 2, 4, 5]
    assert kept[0].artefacts["int8-cpu"].reference[:, 0] == pytest.approx([2.0, -2.0, 0.6, 9.0])


def test_the_clearest_of_the_rest_fill_up():
    _, scans, clear = chosen([0.1, 0.3, 0.2, 0.4, 3.0, 0.0])
    assert (scans.reference_numbers, clear) == ((1, 2, 3, 4), 1)


def test_lead_is_that_over_the_next_label():
    assert lead(np.array([[1, 5, 3], [2, 2, 0]], np.float32)).tolist() == [2, 0]
