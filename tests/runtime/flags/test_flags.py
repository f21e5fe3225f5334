"""Each flag fires on what it names, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_run import BundleError, Ensemble
from edge_run.bundle.bundle import Bundle
from edge_run.flags import NAMES, FeatureDistance, Flagger, FlagInputs, disagreement, quality_flags
from edge_run.flags.feature_distance import pool, unit
from edge_run.flags.quality import content, standardised
from edge_run.scan.read import from_array, read
from edge_run.voting.early_exit import Bounds
from samples import SAMPLES
from samples.draw import chest_ct, chest_xray
from samples.foreign import FOREIGN
from toy import WIDTH, npy, replace_file, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

ARCHS = ("resnet18", "googlenet")


def names(pixels: np.ndarray, typical: np.ndarray | None = None) -> list[str]:
    return [flag.name for flag in quality_flags(pixels, typical)]


# The image itself


@pytest.mark.parametrize("name", ["ct.png", "cxr.png"])
def test_samples_are_in_order(name: str) -> None:
    pixels = read(SAMPLES / name).pixels
    assert names(pixels, standardised(pixels)) == []


def test_small_image() -> None:
    ct = chest_ct(size=128)
    assert names(cv2.resize(ct, (63, 100), interpolation=cv2.INTER_AREA)) == ["too-small"]
    assert names(cv2.resize(ct, (64, 100), interpolation=cv2.INTER_AREA)) == []
    (flag,) = quality_flags(ct[:63])
    assert flag.reason == "the image is 128x63, less than 64 on a side"


@pytest.mark.parametrize("grey", [0, 100, 255])
def test_blank_image_is_blank_and_nothing_else(grey: int) -> None:
    noisy = grey + np.random.default_rng(0).normal(0, 2, (100, 120))
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    pixels[0, :5] = 255 - grey  # a few pixels are no picture
    assert names(pixels, standardised(chest_ct(size=128))) == ["blank"]


def test_image_of_black_and_white_alone() -> None:
    ct = chest_ct(size=128)
    assert names(np.where(ct > 100, 255, 0).astype(np.uint8)) == ["clipped"]
    over = np.clip(ct.astype(float) * 8 - 400, 0, 255).astype(np.uint8)
    assert "clipped" in names(over)


@pytest.mark.parametrize(("margin", "flagged"), [(20, False), (128, True)])
def test_picture_in_a_wide_border(margin: int, flagged: bool) -> None:
    framed = np.pad(chest_ct(size=128), margin, constant_values=7)
    assert names(framed) == ["mostly-border"] * flagged
    assert content(framed) == pytest.approx(content(chest_ct(size=128)) * (128 / len(framed)) ** 2, rel=0.05)


def test_inverted_image_is_told_by_the_mean_scan() -> None:
    typical = standardised(np.mean([chest_ct(seed, size=128) for seed in range(3)], axis=0).astype(np.uint8))
    ct = chest_ct(7, size=128)
    assert names(ct, typical) == []
    assert names(255 - ct, typical) == ["inverted"]
    assert names(255 - ct) == []


def test_thumbnail_is_standardised() -> None:
    found = standardised(scan())
    assert (found.shape, found.mean(), found.std()) == ((32, 32), pytest.approx(0), pytest.approx(1))
    assert (standardised(np.full((50, 50), 9, np.uint8)) == 0).all()


# How far apart members are


def test_disagreement_by_hand() -> None:
    assert disagreement([[1, 0], [0, 1]], [1, 1]) == pytest.approx(1)
    assert disagreement([[0.7, 0.3], [0.7, 0.3]], [2, 1]) == pytest.approx(0)
    expected = 0.8112781 - 0.5  # entropy of (3/4, 1/4) less the mean of 0 and 1 bit
    assert disagreement([[1, 0], [0.5, 0.5]], [0.5, 0.5]) == pytest.approx(expected)
    assert disagreement(np.full((2, 5, 3), 1 / 3), [0.5, 0.5]).shape == (5,)


# How unlike the training scans


def statistics(seed: int = 0, width: int = WIDTH) -> np.ndarray:
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(width, width)))[0][:2]
    rows = [unit(rng.uniform(0, 1, (1, width)))[0], np.full(width, 0.125), 4 * axes[0], 2 * axes[1]]
    return np.stack(rows).astype(np.float16)


def test_distance_is_that_of_mahalanobis() -> None:
    stored = statistics()
    mean, axes = stored[0].astype(float), stored[2:].astype(float) / [[4], [2]]
    covariance = 0.125**2 * (np.eye(WIDTH) - axes.T @ axes) + axes.T @ np.diag([1 / 16, 1 / 4]) @ axes
    pooled = np.random.default_rng(1).uniform(0, 3, (5, WIDTH)).astype(np.float32)
    off = unit(pooled) - mean
    expected = np.sqrt(np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off) / WIDTH)
    assert FeatureDistance(stored).distance(pooled) == pytest.approx(expected, rel=0.01)


def test_strength_of_the_features_does_not_matter() -> None:
    pooled = np.random.default_rng(1).uniform(0, 3, (5, WIDTH)).astype(np.float32)
    found = FeatureDistance(statistics())
    assert found.distance(100 * pooled) == pytest.approx(found.distance(pooled))
    assert np.isfinite(found.distance(np.zeros((1, WIDTH), np.float32))).all()


def test_pooling_averages_the_map() -> None:
    features = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert pool(features).tolist() == [[5.5, 17.5]]


@pytest.mark.parametrize(
    "bad",
    [
        statistics().astype(np.float32),
        statistics()[0],
        statistics()[:1],
        np.where(np.arange(WIDTH) == 3, np.nan, statistics()).astype(np.float16),
        statistics() * np.array([[1], [0], [1], [1]], np.float16),
        statistics() * np.array([[1], [1], [0], [1]], np.float16),
    ],
    ids=["float32", "one row", "no deviation row", "nan", "no deviation", "no direction"],
)
def test_statistics_that_are_none(bad: np.ndarray) -> None:
    with pytest.raises(BundleError, match="the feature statistics are damaged"):
        FeatureDistance(bad)


def test_statistics_of_another_network() -> None:
    with pytest.raises(BundleError, match="returns 5 features, the statistics have 8"):
        FeatureDistance(statistics()).distance(np.ones((1, 5), np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    pooled = np.ones((1, WIDTH), np.float32)
    pooled[0, 3] = value
    with pytest.raises(BundleError, match="not finite"):
        FeatureDistance(statistics()).distance(pooled)


# A bundle's flags


def bundle(folder: Path, *, stages: Any = (ARCHS,), typical: np.ndarray | None = None, **thresholds: Any) -> Path:
    """A toy bundle with flags; a feature_distance is added where its threshold is given."""
    extra = {"flags/typical.npy": typical, "flags/resnet18.npy": statistics() if "distance" in thresholds else None}

    def mutate(plain: dict[str, Any]) -> None:
        plain["stages"] = stages
        for flags in plain["flags"].values():
            flags |= {name: value for name, value in thresholds.items() if name != "distance"}
            if typical is not None:
                flags["typical"] = file("flags/typical.npy")
            if "distance" in thresholds:
                fitted = {"member": "resnet18", "statistics": file("flags/resnet18.npy")}
                flags["feature_distance"] = fitted | {"threshold": thresholds["distance"]}

    def file(path: str) -> dict[str, Any]:
        return {"path": path, "sha256": "0" * 64, "bytes": 0}

    made = write_toy_bundle(folder / "toy", members=2, mutate=mutate)
    (made / "flags").mkdir()
    for path, array in extra.items():
        if array is not None:
            replace_file(made, path, npy(array))
    return made


def typical_of(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA)


def flagged(folder: Path, pixels: np.ndarray) -> dict[str, str]:
    with Ensemble.load(folder) as loaded:
        return {flag.name: flag.reason for flag in loaded.predict(pixels).decision.flags}


def test_nothing_is_flagged_where_nothing_is_wrong(tmp_path: Path) -> None:
    made = bundle(tmp_path, low_confidence=0.0, disagreement=1.0, distance=1e6, typical=typical_of(scan()))
    assert flagged(made, scan()) == {}


def test_every_fitted_flag_says_why(tmp_path: Path) -> None:
    made = bundle(tmp_path, low_confidence=1.0, disagreement=0.0, distance=0.0)
    with Ensemble.load(made) as loaded:
        decision = loaded.predict(scan()).decision
    reasons = {flag.name: flag.reason for flag in decision.flags}
    assert list(reasons) == ["low-confidence", "members-disagree", "out-of-distribution"]
    assert set(reasons) <= set(NAMES)
    assert "sure, less than the 100% that is asked for" in reasons["low-confidence"]
    assert "resnet18 and googlenet answer differently" in reasons["members-disagree"]
    assert "bits apart, accepted up to 0.00" in reasons["members-disagree"]
    assert "unlike the training scans (distance" in reasons["out-of-distribution"]
    assert set(decision.measures) == {"score", "confidence", "disagreement", "distance"}


def test_one_member_has_nobody_to_disagree_with(tmp_path: Path) -> None:
    made = bundle(tmp_path, stages=[["resnet18"], ["googlenet"]], disagreement=None)
    with Ensemble.load(made) as loaded:
        decision = loaded.predict(scan()).decision
    assert "disagreement" not in decision.measures
    assert decision.flags == ()


def test_exactly_at_the_threshold(tmp_path: Path) -> None:
    made = Bundle(bundle(tmp_path, disagreement=1.0, low_confidence=0.75))
    flagger = Flagger(made, "fp32")
    apart = FlagInputs(None, {"resnet18": np.array([1.0, 0.0]), "googlenet": np.array([0.0, 1.0])}, {})
    assert not [flag for flag in flagger.first_stage(apart).flags if flag.name == "members-disagree"]
    for best, expected in ((0.75, 0), (0.7499, 1)):
        voted = np.array([best, 1 - best])
        flags = flagger.confidence_flags(Bounds(voted, voted))
        assert flags is not None
        assert len(flags) == expected


def test_scan_as_it_was_read_is_judged_where_it_is_at_hand(tmp_path: Path) -> None:
    made = bundle(tmp_path, typical=typical_of(scan()))
    assert list(flagged(made, 255 - scan())) == ["inverted"]
    with Ensemble.load(made) as loaded:
        batch = np.zeros((1, 1, 32, 32), np.uint8)
        assert loaded.vote(batch)[0].decision.flags == ()
        assert [flag.name for flag in loaded.vote(batch, [batch[0, 0]])[0].decision.flags] == ["too-small", "blank"]


@pytest.mark.parametrize("bad", [np.zeros((31, 32), np.uint8), np.zeros((32, 32), np.float32)])
def test_mean_scan_that_is_none(tmp_path: Path, bad: np.ndarray) -> None:
    with pytest.raises(BundleError, match=r"flags/typical\.npy is not a mean scan of 32x32"):
        Ensemble.load(bundle(tmp_path, typical=bad))


def test_statistics_are_checked_when_the_bundle_is_opened(tmp_path: Path) -> None:
    made = bundle(tmp_path, distance=1.0)
    (made / "flags" / "resnet18.npy").write_bytes(npy(statistics(1)))
    with pytest.raises(BundleError, match="is not the file its manifest names"):
        Ensemble.load(made)


# The bundle that comes with edge-run

EMBEDDED = Bundle("ct-covid").manifest


@pytest.mark.skipif(
    any(flags.feature_distance is None for flags in EMBEDDED.flags.values()),
    reason="the embedded bundle has no flags yet",
)
def test_embedded_bundle_flags_what_is_no_ct() -> None:
    with Ensemble.load("ct-covid") as loaded:
        for name, draw in FOREIGN.items():
            for seed in (100, 101):
                assert loaded.predict(from_array(draw(seed)).pixels).decision.flags, name
        assert loaded.predict(chest_xray(100, size=384)).decision.flags


def test_flags_change_no_answer(tmp_path: Path) -> None:
    def flag_everything(plain: dict[str, Any]) -> None:
        for thresholds in plain["flags"].values():
            thresholds.update(low_confidence=1.0, disagreement=0.0)

    plain, flagged = (
        write_toy_bundle(tmp_path / name, mutate=mutate) for name, mutate in (("a", None), ("b", flag_everything))
    )
    scans = [scan(seed) for seed in range(6)]
    with Ensemble.load(plain) as one, Ensemble.load(flagged) as other:
        found = [(one.predict(s).decision, other.predict(s).decision) for s in scans]
    assert all(b.flags for _, b in found)
    assert [(a.label, a.probabilities) for a, _ in found] == [(b.label, b.probabilities) for _, b in found]
    assert any(len(a.flags) < len(b.flags) for a, b in found)
