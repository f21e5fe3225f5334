"""Plots are written, show what they are given, and leave matplotlib as they found it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from edge_run.errors import BackendError
from edge_run.metrics.ranking import auroc
from edge_train.evaluate import plots
from edge_train.evaluate.training_curves import training_curves

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def figures(monkeypatch):
    """Every figure, as it was when it was written."""
    seen: list[Figure] = []
    save = Figure.savefig

    def keep(self, *args, **kwargs):
        seen.append(self)
        return save(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", keep)
    return seen


def scans(seed: int = 0, count: int = 120):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, count)
    positive = np.round(np.clip(rng.normal(0.35 + 0.3 * targets, 0.2), 0, 1), 2)
    return np.stack([1 - positive, positive], axis=1), targets


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [each.get_text() for each in figure.findobj(Text)]


def written(path: Path) -> tuple[int, int]:
    image = cv2.imread(str(path))
    assert image.std() > 5, "the picture is empty"
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert border.min() == 255, "something touches the border: it may be cut off"
    return image.shape[1], image.shape[0]


def test_confusion_matrix_shows_counts_and_shares_by_true_label(tmp_path, figures):
    path = tmp_path / "new" / "confusion.png"
    plots.confusion_matrix(path, [0, 0, 0, 1, 1], [0, 0, 0, 0, 1], ["normal", "COVID $\\x$"])
    width, _ = written(path)
    assert 600 <= width <= 2000
    shown = texts(figures[0])
    for expected in ("75.0%", "25.0%", "100.0%", "0.0%", "normal\n(n = 4)", "COVID $\\x$\n(n = 1)"):
        assert expected in shown
    # Row = true, column = decided.
    assert figures[0].axes[0].images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_confusion_matrix_with_an_absent_class_and_long_names(tmp_path, figures):
    names = ["COVID-19", "normal", "viral pneumonia, bilateral", "other"]
    plots.confusion_matrix(tmp_path / "c.png", [0, 1, 3], [0, 1, 2], names)
    written(tmp_path / "c.png")
    assert "other\n(n = 0)" in texts(figures[0])


def test_roc_names_each_curve_with_its_area(tmp_path, figures):
    first, second = scans(0), scans(1)
    path = tmp_path / "roc.png"
    plots.roc(path, {"resnet18": first, "ensemble": second}, positive=1, thresholds={"ensemble": 0.5})
    written(path)
    lines = {line.get_label(): line for line in figures[0].axes[0].lines}
    for name, (p, y) in {"resnet18": first, "ensemble": second}.items():
        area = auroc(p[:, 1], y == 1, np.ones((1, len(y))))[0]
        curve = lines[f"{area:.3f}  {name}"]
        # Trapezoids under the drawn curve are the Mann-Whitney statistic only if ties are drawn as slopes.
        x, height = curve.get_xdata(), curve.get_ydata()
        assert (np.diff(x) * (height[1:] + height[:-1]) / 2).sum() == pytest.approx(area)
        assert (curve.get_xdata()[0], curve.get_ydata()[0]) == (0, 0)
        assert (curve.get_xdata()[-1], curve.get_ydata()[-1]) == (1, 1)


def test_operating_point_lies_on_its_curve(tmp_path, figures):
    p, y = scans()
    # A score that occurs: >= and > differ there.
    threshold = float(np.median(p[:, 1]))
    plots.roc(tmp_path / "roc.png", {"ensemble": (p, y)}, positive=1, thresholds={"ensemble": threshold})
    lines = figures[0].axes[0].lines
    curve = next(line for line in lines if line.get_label().endswith("ensemble"))
    points = [line for line in lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(points) == 1
    point = (points[0].get_xdata()[0], points[0].get_ydata()[0])
    expected = ((p[y == 0, 1] >= threshold).mean(), (p[y == 1, 1] >= threshold).mean())
    assert point == pytest.approx(expected)
    assert any(at == pytest.approx(point) for at in zip(curve.get_xdata(), curve.get_ydata(), strict=True))


def test_roc_of_one_class_says_so(tmp_path, figures):
    p, _ = scans()
    nothing = np.zeros(len(p), dtype=int)
    plots.roc(tmp_path / "roc.png", {"ensemble": (p, nothing)}, positive=1, thresholds={"ensemble": 0.5})
    written(tmp_path / "roc.png")
    assert "one class only  ensemble" in texts(figures[0])


@pytest.mark.parametrize("threshold", [None, 0.2])
def test_reliability_bars_make_up_the_ece_of_the_title(tmp_path, figures, threshold):
    p, y = scans()
    plots.reliability(tmp_path / "r.png", p, y, positive=1, threshold=threshold)
    written(tmp_path / "r.png")
    above, below = figures[0].axes
    _, over, under = above.containers
    counts = np.array([bar.get_height() for bar in below.containers[0]])
    gaps = np.array([a.get_height() + b.get_height() for a, b in zip(over, under, strict=True)])
    assert len(gaps) == 15
    assert counts.sum() == len(y)
    assert f"ECE {(counts * gaps).sum() / counts.sum():.3f}" in above.get_title(loc="left")


def test_training_curves_draw_what_each_member_recorded(tmp_path, figures):
    histories = {
        "resnet18": {"epoch": [1, 2, 3], "train_loss": [3, 2, 1], "val_loss": [3, float("nan"), 2]},
        "resnet50": {"epoch": [1], "train_loss": [3.0]},
    }
    panels = {
        "Loss": {"training": "train_loss", "validation": "val_loss"},
        "AUROC": {"validation": "val_auroc"},
    }
    training_curves(tmp_path / "t.png", histories, panels=panels, averaged={"resnet18": 2})
    written(tmp_path / "t.png")
    loss18, loss50, area18, _ = figures[0].axes
    training, validation = loss18.lines
    assert training.get_ydata().tolist() == [3, 2, 1]
    assert validation.get_xdata().tolist() == [1, 3]
    shaded = loss18.patches[0]
    assert (shaded.get_x(), shaded.get_width()) == (1.5, 2), "the last two epochs"
    assert loss50.lines[0].get_marker() == "o", "one epoch is a dot, not an invisible line"
    assert not area18.lines, "no AUROC was recorded"
    assert {"resnet18", "resnet50", "Loss", "AUROC", "training", "validation", "averaged"} <= set(texts(figures[0]))


def test_same_numbers_same_bytes_and_no_trace_in_matplotlib(tmp_path):
    p, y = scans()
    plots.roc(tmp_path / "a.png", {"resnet18": (p, y)}, positive=1)
    of_the_user = {"savefig.dpi": 77.0, "axes.grid": False, "xtick.direction": "in"}
    with mpl.rc_context(of_the_user):
        plots.roc(tmp_path / "b.png", {"resnet18": (p, y)}, positive=1)
        assert {name: mpl.rcParams[name] for name in of_the_user} == of_the_user
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_failed_drawing_writes_nothing(tmp_path):
    with pytest.raises(IndexError):
        plots.confusion_matrix(tmp_path / "c.png", [0], [5], ["a", "b"])
    with pytest.raises(ValueError, match="column"):
        training_curves(
            tmp_path / "c.png",
            {"resnet18": {"epoch": [1, 2], "column": ["a column", 1]}},
            panels={"x": {"y": "column"}},
        )
    assert not (tmp_path / "c.png").exists()


def test_without_matplotlib_the_mend_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    p, y = scans()
    with pytest.raises(BackendError) as caught:
        plots.reliability(tmp_path / "r.png", p, y, positive=1)
    assert "edge-run[train]" in caught.value.hint
