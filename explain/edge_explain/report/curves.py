"""The insertion and deletion curves as charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge_explain.explanation import Curve

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 20, 10, 38


class Tick(NamedTuple):
    """A value on an axis, and where it stands in pixels."""

    text: str
    at: float


class Chart(NamedTuple):
    """Where the parts of a chart lie, in pixels of its SVG.

    Attributes
    ----------
    title, reading, axis
        The name of the curve with its area, how to read it, and the name of the horizontal axis.
    alt
        The text for people who cannot see it.
    path
        The curve, as SVG path data.
    across, up
        Ticks of the axes.
    grid
        Heights of the grid's lines.
    band_top, band_height
        Two standard deviations of random rankings on either side of their mean.
    random, random_text
        Height of the mean of random rankings; its value, and the height of that text.
    """

    title: str
    reading: str
    axis: str
    alt: str
    path: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    grid: tuple[float, ...]
    band_top: float
    band_height: float
    random: float
    random_text: Tick


def chart(curve: Curve, label: str, title: str, axis: str, reading: str) -> Chart:
    """Lay out one curve, and the band of random rankings that it is compared with."""
    low, high = (max(0.0, min(1.0, curve.random_area + k * curve.random_deviation)) for k in (-2, 2))
    path = " ".join(
        f"{'L' if n else 'M'}{_x(share):.1f} {_y(p):.1f}"
        for n, (share, p) in enumerate(zip(curve.shares, curve.probabilities, strict=True))
    )
    above = curve.area >= curve.random_area
    return Chart(
        title=f"{title}: mean {curve.area:.2f}.",
        reading=reading,
        axis=axis,
        alt=f"{axis}: area {curve.area:.2f}, random rankings {curve.random_area:.2f}; probability of {label}",
        path=path,
        across=tuple(Tick(f"{share:.0%}", _x(share)) for share in (0.0, 0.5, 1.0)),
        up=tuple(Tick(f"{p:.0%}", _y(p)) for p in (0.0, 0.5, 1.0)),
        grid=tuple(_y(p) for p in (0.0, 0.25, 0.5, 0.75, 1.0)),
        band_top=_y(high),
        band_height=max(1.0, _y(low) - _y(high)),
        random=_y(curve.random_area),
        random_text=Tick(f"at random {curve.random_area:.2f}", _y(low) + 13 if above else _y(high) - 5),
    )


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 2)


def _y(probability: float) -> float:
    return round(TOP + (1 - probability) * (HEIGHT - TOP - BOTTOM), 2)
