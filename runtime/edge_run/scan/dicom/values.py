"""Elements of a data set, looked up where a frame keeps them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edge_run.scan.formats.header import FormatError

if TYPE_CHECKING:
    from pydicom import Dataset

_PER_FRAME, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"


class Elements:
    """A data set's elements as they hold for one frame.

    Enhanced objects keep what varies in functional groups: of the frame, or shared by all (PS3.3 C.7.6.16).
    """

    def __init__(self, dataset: Dataset, frame: int = 0) -> None:
        self.dataset = dataset
        groups = [*each(dataset.get(_PER_FRAME))[frame : frame + 1], *each(dataset.get(_SHARED))[:1]]
        self._groups: list[Dataset] = groups

    def get(self, keyword: str, group: str = "") -> object:
        """Return the value of an element, None where it is missing or empty.

        Parameters
        ----------
        group
            The functional group that it lies in, in enhanced objects.
        """
        for holder in self._groups if group else []:
            for item in each(holder.get(group))[:1]:
                value = item.get(keyword)
                if value is not None:
                    return value
        value = self.dataset.get(keyword)
        return None if value in ("", b"") else value

    def numbers(self, keyword: str, group: str = "") -> tuple[float, ...]:
        """Return an element's finite numbers; none where it is missing or one is not finite.

        Raises
        ------
        FormatError
            It holds something else than numbers.
        """
        try:
            return numbers(self.get(keyword, group))
        except (ValueError, TypeError, OverflowError):
            # What it holds is not repeated: it could be anything.
            raise FormatError(f"is a DICOM file whose element {keyword} holds no number") from None

    def numbers_if_sound(self, keyword: str, group: str = "") -> tuple[float, ...]:
        """Return an element's numbers; none where it is malformed, too."""
        try:
            return self.numbers(keyword, group)
        except FormatError:
            return ()


def each(value: object) -> list[Any]:
    """Return the values of an element, however many it has."""
    if value is None:
        return []
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def numbers(value: object) -> tuple[float, ...]:
    """Return an element's finite numbers; none where one is not finite, as if it were missing."""
    found = tuple(float(one) for one in each(value) if one not in (None, ""))
    return found if all(math.isfinite(one) for one in found) else ()
