"""One way of getting an answer from all networks, and how it is opened and checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmarks.latency.peers.material import Material

Logits = list[NDArray[np.float32]]
"""``[1, classes]`` of each network, in the bundle's order."""
Call = Callable[[], Logits]

AGREES = {"fp32": 0.01, "bf16": 0.1, "int8-cpu": 0.25}
"""Largest difference from the reference's logits, as a share of the largest of them. INT8 sums are rounded by each
library in its own way; what this is to find is another network, or a broken one."""


class Form(NamedTuple):
    """A way that is not opened yet.

    Attributes
    ----------
    peer, precision
        Forms that share both compete: the fastest is the peer's figure.
    how
        What is special about this one.
    open
        Loads everything and gives what answers one scan; what must be closed later goes on the stack.
    like
        Which logits it must give, of those in `AGREES`; empty where it answers by a network of its own.
    scale
        A call's time is multiplied by it: a product of matrices stands for another amount of work.
    """

    peer: str
    precision: str
    how: str
    open: Callable[[ExitStack], Call]
    like: str = ""
    scale: float = 1.0

    @property
    def group(self) -> str:
        """Peer and precision."""
        return f"{self.peer}, {self.precision}"

    @property
    def name(self) -> str:
        """All of it."""
        return f"{self.group}, {self.how}"


class Opened(NamedTuple):
    """A form that was tried: its call, or why there is none."""

    form: Form
    call: Call | None
    load_ms: float
    first_ms: float
    stack: ExitStack
    why: str = ""


def open_form(form: Form, material: Material) -> Opened:
    """Load a form, call it once, and look whether it answers as it must."""
    stack = ExitStack()
    begin = time.perf_counter()
    try:
        call = form.open(stack)
        loaded = time.perf_counter()
        logits = call()
        first = time.perf_counter()
        _check(logits, material.reference(form.like) if form.like else None, form.like)
    # A peer that is missing or fails, in whatever way, is a row that says so, not the end of the measurement.
    except Exception as error:  # noqa: BLE001
        stack.close()
        return Opened(form, None, 0.0, 0.0, stack, " ".join(str(error).split())[:200] or type(error).__name__)
    return Opened(form, call, (loaded - begin) * 1e3, (first - loaded) * 1e3, stack)


def _check(logits: Logits, reference: Logits | None, like: str) -> None:
    if not all(np.isfinite(found).all() for found in logits):
        raise ArithmeticError("answers with numbers that are not finite")
    for found, expected in zip(logits, reference or (), strict=reference is not None):
        off = float(np.abs(found - expected).max() / np.abs(expected).max())
        if off > AGREES[like]:
            raise ArithmeticError(f"answers otherwise than the same network elsewhere, by {off:.0%} of a logit")
