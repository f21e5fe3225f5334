"""An explanation as a whole, and the cache in front of it."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from edge_explain import Background, Cache, explain
from edge_explain.settings import FULL, QUICK
from edge_run.errors import UsageError
from edge_run.scan import read as image
from striped_square import SQUARE, background_scan, by_cell


@pytest.fixture(scope="module", autouse=True)
def cheap():
    few = {"regions": 9, "permutations": 2, "steps": 4, "rankings": 2, "squares": 4, "noises": 2}
    with pytest.MonkeyPatch.context() as patch:
        for name, settings in (("FULL", FULL), ("QUICK", QUICK)):
            less = {field: min(value, getattr(settings, field)) for field, value in few.items()}
            patch.setattr(f"edge_explain.explain_scan.{name}", replace(settings, shuffles=1, **less))
        yield


@pytest.fixture(scope="module")
def scan(planted):
    return image.from_array(planted.scan)


@pytest.fixture(scope="module")
def ask(planted, scan):
    def explained(**options):
        return explain(scan, planted.ensemble, planted.originals, **options)

    return explained


@pytest.fixture(scope="module")
def full(ask):
    return ask()


def arrays(explanation):
    """All arrays of an explanation, by name."""
    found = {"ensemble_map": explanation.ensemble_map, "network_input": explanation.network_input}
    for kind in ("maps", "grad_cams", "shap"):
        found |= {f"{kind}.{arch}": array for arch, array in getattr(explanation, kind).items()}
    if explanation.regions is not None:
        found |= {"segments": explanation.regions.segments, "values": explanation.regions.values}
    return {name: (array.dtype, array.tobytes()) for name, array in found.items()}


def test_everything_is_there_and_finds_the_square(full, planted):
    assert full.label == full.prediction.decision.label == "covid"
    assert full.prediction.path == ""
    for maps in (full.maps, full.grad_cams, {"ensemble": full.ensemble_map}):
        for map_ in maps.values():
            assert np.unravel_index(map_.argmax(), map_.shape)[0] in (2, 3)
            assert np.unravel_index(map_.argmax(), map_.shape)[1] in (5, 6)
    for attribution in full.shap.values():
        assert attribution[SQUARE].sum() > 0.8 * np.abs(by_cell(attribution)).sum()
    assert full.regions.values.argmax() in full.regions.segments[SQUARE]
    assert {key: round(value, 5) for key, value in full.originals.items()} == {
        key: round(value, 5) for key, value in full.prediction.decision.probabilities.items()
    }
    assert all(parity.max_abs < 1e-4 for parity in full.parity.values())
    trust = full.trust
    for figures in (full.completeness, trust.infidelity, trust.sensitivity, trust.randomisation):
        assert list(figures) == list(planted.originals.ids)
    assert trust.insertion.area > trust.deletion.area
    assert trust.agreement["resnet18, googlenet"] > 0


def test_ensemble_map_is_the_members_weighed_and_tempered(full):
    expected = full.maps["resnet18"] * 2 / 3 + full.maps["googlenet"] / 3 / 1.25
    np.testing.assert_allclose(full.ensemble_map, expected, rtol=1e-6)


def test_quick_leaves_out_what_takes_long(ask):
    found = ask(quick=True)
    assert not found.shap
    assert not found.completeness
    assert found.regions is None
    assert not found.trust.infidelity
    assert not found.trust.sensitivity
    assert found.trust.insertion is not None
    assert found.trust.randomisation


def test_of_two_classes_the_positive_one_is_explained_always(ask, full, planted):
    """So orange is evidence for it in every picture, also where the answer or the wish is the other class."""
    wished = ask(label="non_covid", quick=True)
    negative = explain(image.from_array(planted.without), planted.ensemble, planted.originals, quick=True)
    assert wished.label == negative.label == "covid"
    assert negative.prediction.decision.label == "non_covid"
    np.testing.assert_allclose(wished.ensemble_map, full.ensemble_map, rtol=1e-6)
    assert negative.ensemble_map.mean() < 0.1 < 1 < full.ensemble_map.mean()
    assert negative.trust.insertion.probabilities[-1] < 0.5 < full.trust.insertion.probabilities[-1]


def test_unknown_class_is_refused_with_those_there_are(ask):
    with pytest.raises(UsageError, match="'covd'") as caught:
        ask(label="covd")
    assert "covid, non_covid" in caught.value.hint


def test_cache_hit_equals_the_fresh_result(ask, full, tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    stored = ask(cache=cache)
    monkeypatch.setattr("edge_explain.explain_scan.compute", lambda *_: pytest.fail("it was computed again"))
    hit = ask(cache=cache)
    assert arrays(hit) == arrays(stored) == arrays(full)
    for name in ("originals", "parity", "completeness", "trust", "provenance", "label"):
        assert getattr(hit, name) == getattr(full, name)
    assert hit.prediction.decision == full.prediction.decision
    assert (hit.regions.empty, hit.regions.full, hit.regions.gap) == (
        full.regions.empty,
        full.regions.full,
        full.regions.gap,
    )


def test_changed_parameter_misses(ask, planted, tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    made = []
    from edge_explain.explain_scan import compute

    monkeypatch.setattr("edge_explain.explain_scan.compute", lambda *asked: made.append(asked) or compute(*asked))
    background, same_words = (Background(background_scan(seed)[None], "others") for seed in (1, 2))
    other = image.from_array(planted.without)
    for options in ({}, {"seed": 1}, {"quick": False}, {"background": background}, {"background": same_words}):
        ask(**{"quick": True, "cache": cache} | options)
    explain(other, planted.ensemble, planted.originals, quick=True, cache=cache)
    assert len(made) == 6
    for options in ({}, {"seed": 1}, {"label": "covid"}, {"background": background}, {"command": "x"}):
        ask(**{"quick": True, "cache": cache} | options)
    assert len(made) == 6


def test_cache_of_another_format_is_made_again(ask, tmp_path):
    cache = Cache(tmp_path)
    ask(quick=True, cache=cache)
    (name,) = [path.name for path in tmp_path.iterdir()]
    cache.store(name, b'{"of": "another version"}', {})
    assert ask(quick=True, cache=cache).trust.insertion is not None


def test_provenance_names_all_that_was_used(full, ask, scan, planted):
    found = full.provenance
    assert found["scan sha256"] == scan.sha256
    assert found["bundle sha256"] == planted.ensemble.bundle.sha256
    assert found["original googlenet sha256"] == "1" * 64
    assert found["compiled"] == "fp32 on cpu"
    assert "4 blurred copies" in found["background"]
    assert found["originals"] == "trained originals of the run"
    assert "permutations 2" in found["settings"]
    assert {"captum", "torch", "edge-run"} <= found.keys()
    assert "command" not in found
    assert ask(quick=True, command="edge-run explain").provenance["command"] == "edge-run explain"


@pytest.mark.parametrize("quick", [False, True])
def test_progress_never_goes_back_and_ends(ask, quick):
    told = []
    ask(quick=quick, progress=lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert list(dict(told))[:3] == ["originals", "Grad-CAM", "curves"]
    assert ("SHAP" in dict(told)) != quick
