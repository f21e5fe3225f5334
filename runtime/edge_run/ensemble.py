"""The bundle's members, loaded and voting."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import decide, image
from ._version import __version__
from .accelerators import has_nvidia_gpu
from .backends import AUTO, CPU, Choice, Here, choose, open_runner
from .bundle import DEFAULT, Bundle
from .errors import BackendError, BundleError
from .machine import allowed_cores
from .prediction import Prediction, Source
from .preprocessing import preprocess
from .runner import Missing, Network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from .image import Scan
    from .manifest import BundleMember
    from .prediction import Decision
    from .runner import Outputs, Runner


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
        past is in ``source.passed_over``.
    threads
        Cores to use; all that the process may use by default.

    Raises
    ------
    BundleError
        A file is missing or is not the one the manifest names.
    BackendError
        The backend that was named is missing, fails or cannot run the precision; or none can.
    """

    def __init__(
        self, bundle: Bundle, *, precision: str | None = None, backend: str = AUTO, threads: int | None = None
    ) -> None:
        self.bundle, self.manifest = bundle, bundle.manifest
        cores = threads or allowed_cores()
        side_by_side = min(cores, len(self.manifest.members))
        self._threads_each = max(1, cores // side_by_side)
        self._pool = ThreadPoolExecutor(side_by_side, thread_name_prefix="member")
        order = sorted(range(len(self.manifest.members)), key=lambda m: -self.manifest.members[m].macs)
        self._heaviest_first = order
        try:
            choice, self._runners = self._open_first(backend, precision)
        except Exception:
            self._pool.shutdown(cancel_futures=True)
            raise
        self.backend, self.precision, self.passed_over = choice

    @classmethod
    def load(
        cls,
        bundle: str | Path = DEFAULT,
        *,
        precision: str | None = None,
        backend: str = AUTO,
        threads: int | None = None,
    ) -> Self:
        """Open a bundle by path or built-in name, and load it."""
        return cls(Bundle(bundle), precision=precision, backend=backend, threads=threads)

    @property
    def source(self) -> Source:
        """Which software answers."""
        return Source(
            self.manifest.name, self.bundle.sha256, self.precision, self.backend, __version__, self.passed_over
        )

    def predict(self, scan: str | Path | bytes | NDArray[np.generic] | Scan) -> Prediction:
        """Answer one scan.

        Parameters
        ----------
        scan
            A file, encoded bytes, an array (see :func:`edge_run.image.from_array`), or a read scan.

        Raises
        ------
        InputError
            It is not an image that edge-run reads.
        """
        begin = time.perf_counter()
        read = _read(scan)
        middle = time.perf_counter()
        decision = self.decide(preprocess(read.pixels, self.manifest.preprocess))[0]
        end = time.perf_counter()
        return Prediction(
            path=str(scan) if isinstance(scan, str | Path) else "",
            decision=decision,
            source=self.source,
            scan_sha256=read.sha256,
            steps=read.steps,
            timing_ms={"read": (middle - begin) * 1e3, "infer": (end - middle) * 1e3},
        )

    def decide(self, batch: NDArray[np.uint8]) -> list[Decision]:
        """Vote on preprocessed scans ``[N, 1, size, size] uint8``."""
        members = self.probabilities(batch)
        return [decide.decide(self.manifest, members[:, n]) for n in range(len(batch))]

    def probabilities(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities of each member, ``[members, N, classes]``, of preprocessed scans."""
        return decide.probabilities(self.manifest, self.precision, [out.logits for out in self.run(batch)])

    def run(self, batch: NDArray[np.uint8]) -> Sequence[Outputs]:
        """Raw outputs of each member, in the manifest's order, for ``[N, 1, size, size] uint8``.

        Raises
        ------
        BackendError
            A network fails, or answers with numbers that are not finite.
        BundleError
            A network answers with another number of classes than the bundle has labels.
        """
        running = {m: self._pool.submit(self._runners[m].run, batch) for m in self._heaviest_first}
        outputs = [running[m].result() for m in range(len(self._runners))]
        expected = (len(batch), len(self.manifest.task.labels))
        for runner, out in zip(self._runners, outputs, strict=True):
            if out.logits.shape != expected:
                raise BundleError(
                    f"{runner.name} answers {list(out.logits.shape)}, the bundle's labels need {list(expected)}",
                    mend="do not use this bundle; export it again",
                )
        return outputs

    def close(self) -> None:
        """Release sessions and threads."""
        self._pool.shutdown()
        for runner in self._runners:
            runner.close()

    def _open_first(self, backend: str, precision: str | None) -> tuple[Choice, list[Runner]]:
        """Open the members on the backend that is named, or on the first that opens them."""
        here, gpu = Here(backend), has_nvidia_gpu()
        while True:
            choice = choose(backend, precision, self.manifest.precisions, here, gpu=gpu)
            try:
                return choice, self._open_members(choice)
            except BackendError as error:
                # What the CPU does not open is no network: the next backend's complaint would only hide that.
                if backend != AUTO or choice.backend == CPU:
                    raise
                here[choice.backend] = Missing(error.message, error.mend, installed=True)

    def _open_members(self, choice: Choice) -> list[Runner]:
        members = self.manifest.members
        loading = {m: self._pool.submit(self._open, members[m], choice) for m in self._heaviest_first}
        try:
            return [loading[m].result() for m in range(len(members))]
        except Exception:
            for runner in loading.values():
                if not runner.cancel() and runner.exception() is None:
                    runner.result().close()
            raise

    def _open(self, member: BundleMember, choice: Choice) -> Runner:
        network = Network(
            self.bundle.read(member.artefacts[choice.precision].file),
            f"{member.arch}.{choice.precision}",
            choice.precision,
            self.manifest.preprocess.size,
            self.bundle.engines,
        )
        return open_runner(choice.backend, network, threads=self._threads_each)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(scan: str | Path | bytes | NDArray[np.generic] | Scan) -> Scan:
    if isinstance(scan, image.Scan):
        return scan
    if isinstance(scan, np.ndarray):
        return image.from_array(scan)
    return image.read(scan)
