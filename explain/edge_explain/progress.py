"""Progress of the whole, computed from the progress of its parts and from how long each takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ShowProgress = Callable[[str, float], None]
"""Shows which part is computed, and which share of the whole is done, 0 to 1."""
PartProgress = Callable[[int, int], None]
"""Reports how many steps of a part are done, and how many it has."""


class WeightedProgress:
    """Turns progress of parts into progress of the whole.

    Parameters
    ----------
    costs
        Cost of each part, in any one unit, in the order in which the parts are computed.
    show
        Is called with the name of the part and the share of the whole that is done.
    """

    def __init__(self, costs: Mapping[str, float], show: ShowProgress) -> None:
        self._costs, self._show = dict(costs), show
        self._whole = sum(self._costs.values()) or 1.0

    def part(self, name: str) -> PartProgress:
        """Begin a part, and return the function that reports its progress. All parts before it count as done."""
        names = list(self._costs)
        before = sum(self._costs[other] for other in names[: names.index(name)])
        self._show(name, before / self._whole)
        return lambda done, steps: self._show(name, (before + self._costs[name] * done / max(steps, 1)) / self._whole)
