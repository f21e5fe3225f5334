"""The members of a bundle, loaded and computing side by side."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from edge_run.errors import UsageError
from edge_run.machine.cores import allowed_cores
from edge_run.machine.fork import ForkGuard
from edge_run.voting.vote import softmax

from .members import open_members
from .waiting import DEADLINE_S, LateError, gather

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.backends import Selection
    from edge_run.backends.network import Outputs
    from edge_run.bundle.bundle import Bundle

STOP_S = 2.0
"""For a cancelled network to stop, before its thread is left behind."""


class MemberPool:
    """Loaded members, each with its share of the cores.

    They run side by side and the heaviest first, rather than one after another with all cores: their thread pools would
    only wait for each other.

    Parameters
    ----------
    bundle
        Whose members are loaded.
    selection
        The backend and the precision; it moves on where a backend fails to load the members.
    threads, early_exit
        As :class:`edge_run.Ensemble` takes them.

    Raises
    ------
    BackendError, BundleError
        A member cannot be loaded.
    """

    def __init__(self, bundle: Bundle, selection: Selection, threads: int | None, *, early_exit: bool) -> None:
        self.manifest = bundle.manifest
        stages = self.stages_of(early_exit=early_exit)
        cores = threads or allowed_cores()
        self.threads = {m: max(1, cores // min(cores, len(stage))) for stage in stages for m in stage}
        self._executor = ThreadPoolExecutor(min(cores, len(self.threads)), thread_name_prefix="member")
        self._fork, self._closed = ForkGuard("this ensemble"), False
        self._cancelled = threading.Event()
        self._running: set[Future[Outputs]] = set()
        try:
            self._runners = open_members(bundle, selection, self.threads, self._executor)
        except Exception:
            self._executor.shutdown(cancel_futures=True)
            raise
        self.backend, self.precision, self.skipped_backends = selection.choice

    def stages_of(self, *, early_exit: bool) -> list[list[int]]:
        """Return places of members by stage, the heaviest of each first; one stage where all shall answer."""
        manifest = self.manifest
        if not early_exit:
            return [list(manifest.heaviest_first)]
        return [[m for m in manifest.heaviest_first if manifest.members[m].id in stage] for stage in manifest.stages]

    @property
    def closed(self) -> bool:
        """Whether the members were released."""
        return self._closed

    def outputs(self, batch: NDArray[np.uint8], members: Sequence[int] | None = None) -> dict[int, Outputs]:
        """Compute the raw outputs of members, by their places in the manifest.

        Parameters
        ----------
        batch
            ``[N, 1, size, size] uint8``: preprocessed scans.
        members
            Places in the manifest, in the order in which they begin; all, the heaviest first, by default.

        Raises
        ------
        UsageError
            The members were released, or belong to the process that this one was forked from.
        BackendError
            A network fails, or has not answered within `DEADLINE_S` for each scan.
        BundleError
            A network returns another shape or dtype than the bundle's, or numbers that are not finite.
        """
        self._require_usable()
        order = self.manifest.heaviest_first if members is None else members
        running = {self._runners[m].name: self._executor.submit(self._runners[m].run, batch) for m in order}
        self._running |= set(running.values())
        try:
            return dict(zip(order, gather(running, self._cancelled, DEADLINE_S * len(batch)), strict=True))
        except (KeyboardInterrupt, LateError):
            self.cancel()
            raise
        finally:
            self._running -= {future for future in running.values() if future.done()}

    def cancel(self) -> None:
        """End what is being computed for any thread: its call raises a BackendError. Later calls run as before."""
        cancelled, self._cancelled = self._cancelled, threading.Event()
        cancelled.set()
        for runner in self._runners:
            runner.cancel()

    def calibrated(self, member: int, outputs: Outputs) -> NDArray[np.float64]:
        """Return a member's calibrated probabilities, ``[N, classes] float64``."""
        return softmax(outputs.logits, self.manifest.members[member].artefacts[self.precision].temperature)

    def close(self) -> None:
        """Release networks and threads; a second time does nothing.

        What is still being computed is cancelled. A library that cannot be stopped keeps its thread and its network.
        """
        if self._closed:
            return
        self._closed = True
        self.cancel()
        stuck = wait(self._running, timeout=STOP_S).not_done
        self._executor.shutdown(wait=not stuck, cancel_futures=True)
        for runner in () if stuck else self._runners:
            runner.close()

    def _require_usable(self) -> None:
        if self._closed:
            raise UsageError("this ensemble is closed", hint="load another with Ensemble.load(...)")
        self._fork.check()
