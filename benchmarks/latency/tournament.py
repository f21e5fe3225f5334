"""Which form of a peer is the fastest on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.interleave import Blocks, Stop, interleave, medians
from benchmarks.latency.peers import open_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.latency.peers import Form, Material, Opened


class Tried(NamedTuple):
    """A form's trial; ``blocks`` is empty where it could not be opened, and ``why`` says what is in the way."""

    form: Form
    load_ms: float
    first_ms: float
    blocks: Blocks
    why: str

    @property
    def ms(self) -> float:
        """Median of the block medians, for the networks' work; infinite where nothing was timed."""
        return float(np.median(medians(self.blocks))) * self.form.scale if self.blocks else float("inf")


def compete(forms: Sequence[Form], material: Material, stop: Stop) -> tuple[list[Tried], Opened | None]:
    """Open all forms of one peer, time them in turn, close all but the fastest.

    Returns
    -------
    All trials, and the fastest form, still open; None where none could be opened. The trial that chose it does not
    count as its measurement: of several equals, the one that was lucky wins.
    """
    opened = [open_form(form, material) for form in forms]
    taken = interleave({n: o.call for n, o in enumerate(opened) if o.call}, stop)
    tried = [Tried(o.form, o.load_ms, o.first_ms, taken.get(n, []), o.why) for n, o in enumerate(opened)]
    best = min(range(len(tried)), key=lambda n: tried[n].ms)
    for n, other in enumerate(opened):
        if n != best:
            other.stack.close()
    return tried, opened[best] if opened[best].call else None
