"""The maps of one scan, which class they are about, and the one scale that they are drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Task

MIN_LIMIT = 2.0
"""Smallest end of a scale, in log-odds, so that evidence which changes little is drawn in pale colours."""

_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Maps(NamedTuple):
    """The evidence for and against one class at each place of a scan.

    Attributes
    ----------
    label
        The class. Positive values are evidence for it, negative ones against it.
    ensemble
        ``[h, w] float32``: mean of ``members``, weighted by the vote.
    members
        ``[h, w] float32`` by member, of those that answered: how much each place adds to the class's logit, compared
        with the mean logit of the other classes, divided by the member's temperature. The mean of a map is the
        member's answer but for the bias; with two classes that answer is the log-odds.
    limit
        The value at which the colour scale of all these maps ends, on both sides of 0. ``ensemble`` stays within it; a
        member with a small weight may exceed it.
    """

    label: str
    ensemble: NDArray[np.float32]
    members: dict[str, NDArray[np.float32]]
    limit: float


def mapped_label(task: Task, answered: str) -> str:
    """Choose the class that pictures are about: of two the positive one, of more the one that was answered.

    So orange is evidence for the finding in every picture of a bundle with two classes, also where the answer is
    negative.
    """
    return task.positive if len(task.labels) == 2 else answered


def scale_limit(members: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> float:
    """Compute where the colour scale ends: the weighted mean of the members' peaks, rounded up to a round number.

    The ensemble's map never exceeds it. A member with a small weight may: its map then has the colour of the end there,
    which is better than pale colours for all others.

    Parameters
    ----------
    members
        One ``[h, w] float32`` for each member.
    weights
        One number for each member.

    Returns
    -------
    At least :data:`MIN_LIMIT`.
    """
    peak = max(MIN_LIMIT, float(np.average([np.abs(one).max() for one in members], weights=weights)))
    power = 10.0 ** np.floor(np.log10(peak))
    return float(next(step for step in _STEPS if step * power >= peak * (1 - 1e-6)) * power)
