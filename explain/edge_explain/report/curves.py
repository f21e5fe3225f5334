"""Insertion and deletion as charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .html import Markup, el

if TYPE_CHECKING:
    from edge_explain.explanation import Curve

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 20, 10, 38


def chart(curve: Curve, label: str, across: str) -> Markup:
    """One curve, its mean, and the mean that random rankings reach, with two standard deviations either way."""
    points = " ".join(
        f"{'L' if n else 'M'}{_x(share):.1f} {_y(p):.1f}"
        for n, (share, p) in enumerate(zip(curve.shares, curve.probabilities, strict=True))
    )
    low, high = (max(0.0, min(1.0, curve.random_area + k * curve.random_deviation)) for k in (-2, 2))
    above = curve.area >= curve.random_area
    alt = f"{across}: area {curve.area:.2f}, random rankings {curve.random_area:.2f}"
    return el(
        "svg",
        el("title", alt),
        *(
            el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_y(p), y2=_y(p), class_="grid")
            for p in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
        *(el("text", f"{p:.0%}", x=LEFT - 6, y=_y(p) + 4, text_anchor="end") for p in (0.0, 0.5, 1.0)),
        *(el("text", f"{s:.0%}", x=_x(s), y=HEIGHT - BOTTOM + 16, text_anchor="middle") for s in (0.0, 0.5, 1.0)),
        el("text", across, x=_x(0.5), y=HEIGHT - 6, text_anchor="middle"),
        el("rect", x=LEFT, y=_y(high), width=WIDTH - LEFT - RIGHT, height=max(1.0, _y(low) - _y(high)), class_="band"),
        el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_y(curve.random_area), y2=_y(curve.random_area), class_="random"),
        el("path", d=points, class_="curve"),
        el(
            "text",
            f"at random {curve.random_area:.2f}",
            x=WIDTH - RIGHT - 4,
            y=_y(low) + 13 if above else _y(high) - 5,
            text_anchor="end",
            class_="halo",
        ),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{alt}; probability of {label}",
        class_="chart",
    )


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(p: float) -> float:
    return TOP + (1 - p) * (HEIGHT - TOP - BOTTOM)
