"""The progress of a build, from TensorRT's progress monitor, which can also stop it."""

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
        """Count a step, numbered from 0, as done."""
        if name in self._open:
            self._open[name] = (index + 1, self._open[name][1])

    def finish(self, name: str) -> None:
        """Leave a phase."""
        self._open.pop(name, None)

    @property
    def share(self) -> float:
        """Return the share that is done. It never falls.

        TensorRT leaves a phase before it counts the step above it.
        """
        share, width = 0.0, 1.0
        for done, steps in self._open.values():
            share += width * min(done, steps) / steps
            width /= steps
        self._shown = max(self._shown, min(share, 1.0))
        return self._shown


def monitor_of(trt: api.TensorRT, progress: Callable[[float], None], stopped: threading.Event) -> api.IProgressMonitor:
    """Make a progress monitor.

    Parameters
    ----------
    progress
        Called with the share that is done, from any thread; an exception there would end the process.
    stopped
        Once it is set, the build ends at its next step and returns nothing.
    """
    phases = Phases()

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:  # noqa: ARG002
            phases.start(phase_name, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            phases.step(phase_name, step)
            progress(phases.share)
            return not stopped.is_set()

        def phase_finish(self, phase_name: str) -> None:
            phases.finish(phase_name)

    return Monitor()
