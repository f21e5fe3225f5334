"""The bundle's members, loaded and voting."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_run._version import __version__
from edge_run.backends import AUTO
from edge_run.bundle.bundle import DEFAULT, Bundle
from edge_run.errors import BundleError, UsageError
from edge_run.flags import Flagger, FlagInputs
from edge_run.machine.cores import allowed_cores
from edge_run.scan import read as image
from edge_run.scan.preprocessing import preprocess
from edge_run.voting.prediction import Prediction, Source
from edge_run.voting.vote import softmax

from . import decide
from .decide import Answer
from .members import open_members
from .series import placed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from edge_run.backends.base import Outputs
    from edge_run.flags import FirstStageFlags
    from edge_run.scan.read import ScanSource
    from edge_run.voting.prediction import Decision


FULL, CERTIFIED = "full", "certified"


class Ensemble:
    """Members that vote.

    Members run side by side, each with its share of the cores and the heaviest first, rather than one after another
    with all of them: their thread pools would only wait for each other.

    Parameters
    ----------
    bundle
        What to load.
    precision
        One of the bundle's; the backend's best by default.
    backend
        A key of :data:`edge_run.backends.BACKENDS`; or ``auto``, the first of them that runs here. What ``auto`` goes
        past is in ``source.skipped_backends``.
    threads
        Cores to use; all that the process may use by default.
    exit
        ``full``: every member answers. ``certified``: members answer stage by stage, and no more of them than it takes
        until neither the label nor a flag can change any more (see :mod:`edge_run.voting.early_exit`).

    Raises
    ------
    BundleError
        A file is missing or is not the one the manifest names.
    BackendError
        The backend that was named is missing, fails or cannot run the precision; or none can.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str | None = None,
        backend: str = AUTO,
        threads: int | None = None,
        exit: str = FULL,  # noqa: A002 - the field's word, and the option's
    ) -> None:
        if exit not in (FULL, CERTIFIED):
            raise UsageError(f"exit {exit!r} is unknown", hint=f"choose {FULL} or {CERTIFIED}")
        self.bundle, self.manifest = bundle, bundle.manifest
        cores = threads or allowed_cores()
        side_by_side = min(cores, len(self.manifest.members))
        self._pool = ThreadPoolExecutor(side_by_side, thread_name_prefix="member")
        order = sorted(range(len(self.manifest.members)), key=lambda m: -self.manifest.members[m].macs)
        self._heaviest_first = order
        self._stages = self._order(exit)
        self._threads = {m: max(1, cores // min(cores, len(stage))) for stage in self._stages for m in stage}
        try:
            choice, self._runners = open_members(bundle, backend, precision, self._threads, self._pool)
        except Exception:
            self._pool.shutdown(cancel_futures=True)
            raise
        self.backend, self.precision, self.skipped_backends = choice
        try:
            self._flagger = Flagger(bundle, self.precision)
        except Exception:
            self.close()
            raise

    @classmethod
    def load(
        cls,
        bundle: str | Path = DEFAULT,
        *,
        precision: str | None = None,
        backend: str = AUTO,
        threads: int | None = None,
        exit: str = FULL,  # noqa: A002
    ) -> Self:
        """Open a bundle by path or built-in name, and load it."""
        return cls(Bundle(bundle), precision=precision, backend=backend, threads=threads, exit=exit)

    @property
    def source(self) -> Source:
        """Which software answers."""
        return Source(
            self.manifest.name, self.bundle.sha256, self.precision, self.backend, __version__, self.skipped_backends
        )

    def predict(self, scan: ScanSource) -> Prediction:
        """Answer one scan.

        Parameters
        ----------
        scan
            A path, encoded bytes, a binary file object, an array, a PIL image or a read scan, see
            :func:`edge_run.scan.read.read`.

        Raises
        ------
        InputError
            It is not an image that edge-run reads.
        """
        begin = time.perf_counter()
        read = image.read(scan)
        middle = time.perf_counter()
        (decision,) = self.decide(preprocess(read.pixels, self.manifest.preprocess), [read.pixels])
        decision = placed(decision, read.series, self.manifest.task)
        end = time.perf_counter()
        return Prediction(
            path=str(scan) if isinstance(scan, str | Path) else "",
            decision=decision,
            source=self.source,
            scan_sha256=read.sha256,
            steps=read.steps,
            timing_ms={"read": (middle - begin) * 1e3, "infer": (end - middle) * 1e3},
        )

    def decide(
        self, batch: NDArray[np.uint8], scans: Sequence[NDArray[np.uint8] | None] | None = None
    ) -> list[Decision]:
        """Vote on preprocessed scans.

        Parameters
        ----------
        batch
            ``[N, 1, size, size] uint8``.
        scans
            The same scans as they were read, ``[H, W] uint8``, to judge their quality; unjudged where None.
        """
        return [decision for decision, _ in self.answer(batch, scans)]

    def answer(
        self, batch: NDArray[np.uint8], scans: Sequence[NDArray[np.uint8] | None] | None = None
    ) -> list[tuple[Decision, dict[str, NDArray[np.float32]]]]:
        """Vote as `decide` does, and keep what a heatmap needs.

        Returns
        -------
        For each scan the decision, and by network the features ``[width, h, w]`` of the members that answered.
        """
        answers: list[dict[int, Answer]] = [{} for _ in batch]
        noted: list[FirstStageFlags] = []
        decisions: list[Decision | None] = [None] * len(batch)
        for stage in self._stages:
            open_ = [n for n, decision in enumerate(decisions) if decision is None]
            if not open_:
                break
            for m, out in self._run(stage, batch[open_]).items():
                for n, *answer in zip(open_, out.logits, self._calibrated(m, out), out.features, strict=True):
                    answers[n][m] = Answer(*answer)
            noted = noted or [self._note(answers[n], scans[n] if scans is not None else None) for n in open_]
            for n in open_:
                decisions[n] = decide.decide(self.manifest, self._flagger, answers[n], noted[n])
        member_ids = [member.id for member in self.manifest.members]
        return [
            (decision, {member_ids[m]: answer.features for m, answer in answers[n].items()})
            for n, decision in enumerate(decisions)
            if decision is not None
        ]

    def probabilities(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities of each member, ``[members, N, classes]``, of preprocessed scans."""
        return np.stack([self._calibrated(m, out) for m, out in enumerate(self.run(batch))])

    def run(self, batch: NDArray[np.uint8]) -> Sequence[Outputs]:
        """Raw outputs of each member, in the manifest's order, for ``[N, 1, size, size] uint8``.

        Raises
        ------
        BackendError
            A network fails, or answers with numbers that are not finite.
        BundleError
            A network answers with another number of classes than the bundle has labels.
        """
        outputs = self._run(self._heaviest_first, batch)
        return [outputs[m] for m in range(len(self._runners))]

    def _run(self, members: Sequence[int], batch: NDArray[np.uint8]) -> dict[int, Outputs]:
        """Outputs of some members, which begin in the order given."""
        running = {m: self._pool.submit(self._runners[m].run, batch) for m in members}
        outputs = {m: future.result() for m, future in running.items()}
        expected = (len(batch), len(self.manifest.task.labels))
        for m, out in outputs.items():
            if out.logits.shape != expected:
                raise BundleError(
                    f"{self._runners[m].name} answers {list(out.logits.shape)}, "
                    f"the bundle's labels need {list(expected)}",
                    hint="do not use this bundle; export it again",
                )
        return outputs

    def _calibrated(self, member: int, out: Outputs) -> NDArray[np.float64]:
        return softmax(out.logits, self.manifest.members[member].artefacts[self.precision].temperature)

    def _note(self, answers: dict[int, Answer], pixels: NDArray[np.uint8] | None) -> FirstStageFlags:
        by_id = {self.manifest.members[m].id: answer for m, answer in answers.items()}
        return self._flagger.first_stage(
            FlagInputs(
                pixels,
                {member_id: answer.probabilities for member_id, answer in by_id.items()},
                {member_id: answer.features for member_id, answer in by_id.items()},
            )
        )

    def close(self) -> None:
        """Release sessions and threads."""
        self._pool.shutdown()
        for runner in self._runners:
            runner.close()

    def _order(self, exit: str) -> list[list[int]]:  # noqa: A002
        """Members by stage, the heaviest of each first; one stage where all shall answer."""
        if exit == FULL:
            return [self._heaviest_first]
        places = {member.id: m for m, member in enumerate(self.manifest.members)}
        stages = [{places[member_id] for member_id in stage} for stage in self.manifest.stages]
        return [[m for m in self._heaviest_first if m in stage] for stage in stages]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
