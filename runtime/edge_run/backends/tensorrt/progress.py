"""How far a build has come, through TensorRT's own progress monitor, and the way to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from . import api


class Phases:
    """TensorRT's nested phases as one share of 1.

    A step of a phase is done when the phase below it is; phases are entered and left in order, the outermost first.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, int]] = {}
        self._shown = 0.0

    def start(self, name: str, steps: int) -> None:
        """Enter a phase of so many steps."""
        self._open[name] = (0, max(1, steps))

    def step(self, name: str, index: int) -> None:
        """Take note that a step, counted from 0, is done."""
        if name in self._open:
            self._open[name] = (index + 1, self._open[name][1])

    def finish(self, name: str) -> None:
        """Leave a phase."""
        self._open.pop(name, None)

    @property
    def share(self) -> float:
        """What is done; it never falls, though TensorRT leaves a phase before it counts the step above it."""
        share, width = 0.0, 1.0
        for done, steps in self._open.values():
            share += width * min(done, steps) / steps
            width /= steps
        self._shown = max(self._shown, min(share, 1.0))
        return self._shown


def monitor(trt: api.Module, tell: Callable[[float], None], stopped: threading.Event) -> api.Foreign:
    """Make a progress monitor.

    Parameters
    ----------
    tell
        Takes the share that is done. TensorRT may call from any thread; what is raised there would end the process.
    stopped
        Once set, the build ends at its next step and returns nothing.
    """
    phases = Phases()

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:  # noqa: ARG002
            phases.start(phase_name, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            phases.step(phase_name, step)
            tell(phases.share)
            return not stopped.is_set()

        def phase_finish(self, phase_name: str) -> None:
            phases.finish(phase_name)

    return Monitor()
