"""How often people agreed with the answers, where they noted a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .shift import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable


class Agreement(msgspec.Struct, frozen=True):
    """Cases with a noted label, and those of them whose answer is that label.

    Attributes
    ----------
    share, low, high
        Of those that agree, with its 95 % interval (Wilson); None where nothing is noted.
    """

    noted: int
    agreed: int
    share: float | None
    low: float | None
    high: float | None


def agreement(cases: Iterable[tuple[str, str | None]]) -> Agreement:
    """Compare answers with the labels that were noted for them, where there is one."""
    agreed = [label == noted for label, noted in cases if noted is not None]
    if not agreed:
        return Agreement(0, 0, None, None, None)
    return Agreement(len(agreed), sum(agreed), sum(agreed) / len(agreed), *wilson(sum(agreed), len(agreed)))
