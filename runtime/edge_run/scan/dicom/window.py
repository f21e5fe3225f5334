"""Windows: the range of values that is shown, from black to white (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINEAR, EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"


class Window(NamedTuple):
    """Centre and width in the values' unit, and the function between them."""

    centre: float
    width: float
    function: str = LINEAR

    @property
    def usable(self) -> bool:
        """Whether the standard gives it a meaning."""
        smallest = self.width >= 1 if self.function == LINEAR else self.width > 0
        return smallest and self.function in (LINEAR, EXACT, SIGMOID)

    def __str__(self) -> str:
        return f"centre {self.centre:g}, width {self.width:g}, {self.function}"

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of white, 0 to 1, of values of any shape."""
        if self.function == SIGMOID:
            return np.asarray(1 / (1 + np.exp(np.clip(-4 * (values - self.centre) / self.width, -700, 700))))
        centre, width = self.centre, self.width
        if self.function == LINEAR:
            centre, width = centre - 0.5, width - 1
        if width == 0:
            return (values > centre).astype(np.float64)
        return np.asarray(((values - centre) / width + 0.5).clip(0, 1))


# The usual lung window of chest CT. Its -1350 to 150 HU hold aerated lung, ground glass and consolidation without
# clipping any of them.
LUNG = Window(-600, 1500)
