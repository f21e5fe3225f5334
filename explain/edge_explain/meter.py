"""A progress bar that knows how long its parts take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Progress = Callable[[str, float], None]
    """What is being done, and the share of all that is done, 0 to 1."""


class Meter:
    """Turns progress of parts into progress of the whole.

    Parameters
    ----------
    costs
        Of each part, in any one unit; parts come in this order.
    show
        Is told.
    """

    def __init__(self, costs: Mapping[str, float], show: Progress) -> None:
        self._costs, self._show = dict(costs), show
        self._whole = sum(self._costs.values()) or 1.0
        self._before = 0.0

    def part(self, name: str) -> Callable[[int, int], None]:
        """Begin a part; those before it are done. Its progress, as (done, of), goes to what is returned."""
        names = list(self._costs)
        before = sum(self._costs[other] for other in names[: names.index(name)])
        self._show(name, before / self._whole)
        return lambda done, of: self._show(name, (before + self._costs[name] * done / max(of, 1)) / self._whole)

    def end(self) -> None:
        """All parts are done."""
        self._show("", 1.0)
