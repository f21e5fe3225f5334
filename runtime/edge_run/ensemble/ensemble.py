"""An ensemble answers scans: the door to everything else from Python."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from edge_run._version import __version__
from edge_run.backends import AUTO, Selection
from edge_run.bundle.bundle import DEFAULT, Bundle
from edge_run.flags import Flagger
from edge_run.scan.read import read
from edge_run.scan.scan import DEFAULT_LIMITS
from edge_run.voting.prediction import Prediction, Source

from .decision import vote_in_stages
from .heatmap import ScanHeatmap, scan_of
from .member_pool import MemberPool
from .predict_many import Reader, batch_plan, stream
from .prediction import prediction_of, prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from edge_run.backends.network import Outputs
    from edge_run.heatmap import Heatmap
    from edge_run.scan.inputs import Input
    from edge_run.scan.read import ScanSource
    from edge_run.scan.scan import Limits

    from .decision import ScanVote
    from .predict_many import BatchPlan, ScanResult
    from .prediction import Features, OnPrediction, PreparedScan


class Ensemble:
    """The members of a bundle, loaded; they answer scans with one weighted vote.

    :meth:`predict`, :meth:`predict_many` and :meth:`heatmap` take scans. :meth:`vote`, :meth:`probabilities` and
    :meth:`outputs` are for programs that preprocess scans themselves, such as an evaluation.

    Parameters
    ----------
    bundle
        What to load.
    precision
        One of the bundle's; the backend's best by default.
    backend
        A key of :data:`edge_run.backends.BACKENDS`; or ``auto``, the first of them that runs here. Backends that
        ``auto`` could not take are in ``source.skipped_backends``.
    threads
        Cores to use; all that the process may use by default.
    early_exit
        Let members answer stage by stage, and stop as soon as neither the label nor a flag can change any more
        (see :mod:`edge_run.voting.early_exit`).
    selection
        A choice of backend and precision that was made before for this bundle; made from ``backend`` and ``precision``
        by default.
    limits
        Bounds on what reading any one scan may cost.

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
        early_exit: bool = False,
        selection: Selection | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.bundle, self.manifest, self.early_exit, self.limits = bundle, bundle.manifest, early_exit, limits
        selection = selection or Selection(backend, precision, bundle.manifest.precisions)
        self._pool = MemberPool(bundle, selection, threads, early_exit=early_exit)
        self.backend, self.precision = self._pool.backend, self._pool.precision
        self.skipped_backends = self._pool.skipped_backends
        self._heatmap: Heatmap | None = None
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
        early_exit: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Self:
        """Open a bundle by path or name, and load it."""
        opened = Bundle(bundle)
        return cls(opened, precision=precision, backend=backend, threads=threads, early_exit=early_exit, limits=limits)

    @property
    def source(self) -> Source:
        """Which software answers."""
        name, sha256, parent = self.manifest.name, self.bundle.sha256, self.bundle.parent
        return Source(name, sha256, self.precision, self.backend, __version__, self.skipped_backends, parent)

    def predict(self, scan: ScanSource) -> Prediction:
        """Answer one scan.

        Parameters
        ----------
        scan
            A path, encoded bytes, a binary file object, an array, a PIL image or a :class:`edge_run.Scan`; see
            :func:`edge_run.read`.

        Raises
        ------
        InputError
            It is not an image that edge-run reads.
        UsageError
            ``scan`` is of another type, or the ensemble is closed.
        """
        begin = time.perf_counter()
        read_scan = read(scan, limits=self.limits)
        name = str(scan) if isinstance(scan, str | os.PathLike) else ""
        prepared = prepare(name, read_scan, self.manifest.preprocess, (time.perf_counter() - begin) * 1e3)
        return self.predict_prepared([prepared])[0]

    def predict_many(
        self,
        scans: Iterable[ScanSource | Input],
        *,
        batch: int | None = None,
        plan: BatchPlan | None = None,
        keep_data: bool = False,
        on_prediction: OnPrediction | None = None,
    ) -> Iterator[ScanResult]:
        """Answer many scans, in their order; the next are read while one is answered.

        Parameters
        ----------
        scans
            What :meth:`predict` takes, or the inputs that :func:`edge_run.scan.expand` lists. They are taken as they
            are needed, a few ahead of the answers.
        batch
            Scans in one call of the networks; what is fastest on the backend by default.
        plan
            The same, and how many calls run at once.
        keep_data
            Keep each file's bytes with its result.
        on_prediction
            Called with each scan, its prediction and the features ``[width, h, w]`` by member id, in no fixed order,
            from the threads that predict.

        Yields
        ------
        One result for each scan, several where a file holds several frames. An input that cannot be read has a result
        with an ``error``, and stops no other.

        Raises
        ------
        BackendError, BundleError, UsageError
            As :meth:`predict`.
        """
        plan = plan or batch_plan(self.backend, batch)

        def predict(prepared: Sequence[PreparedScan]) -> list[Prediction]:
            return self.predict_prepared(prepared, on_prediction)

        reader = Reader(self.manifest.preprocess, self.limits, keep_data)
        return stream(predict, reader, scans, plan, cancel=self._pool.cancel)

    def heatmap(self, scan: ScanSource | Prediction) -> ScanHeatmap:
        """Map where in a scan the members found what they voted for.

        Parameters
        ----------
        scan
            What :meth:`predict` takes; or a prediction of a file, which is read again.

        Raises
        ------
        InputError
            It cannot be read, or the prediction's file has changed.
        UsageError
            The prediction is of an array or bytes: pass these instead.
        """
        from edge_run.heatmap import Heatmap

        name, read_scan = scan_of(scan, self.limits)
        self._heatmap = heatmap = self._heatmap or Heatmap(self.bundle, self.precision)
        features: list[Features] = []
        (prediction,) = self.predict_prepared(
            [prepare(name, read_scan, self.manifest.preprocess, 0.0)],
            lambda _scan, _answer, seen: features.append(seen),
        )
        decision = prediction.decision
        maps = heatmap.maps(features[0], heatmap.label(decision))
        picture = heatmap.draw(read_scan.pixels, maps, decision)
        return ScanHeatmap(prediction, read_scan, maps, np.ascontiguousarray(picture[:, :, ::-1]))

    def vote(
        self,
        batch: NDArray[np.uint8],
        scans: Sequence[NDArray[np.uint8] | None] | None = None,
        *,
        early_exit: bool | None = None,
    ) -> list[ScanVote]:
        """Vote on preprocessed scans.

        Parameters
        ----------
        batch
            ``[N, 1, size, size] uint8``.
        scans
            The same scans as they were read, ``[H, W] uint8``, to judge their quality; not judged where None.
        early_exit
            Whether members answer stage by stage; as the ensemble was loaded by default.

        Raises
        ------
        BackendError, BundleError, UsageError
            As :meth:`predict`.
        """
        stages = self._pool.stages_of(early_exit=self.early_exit if early_exit is None else early_exit)
        return vote_in_stages(self._pool, self._flagger, batch, scans, stages)

    def probabilities(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities of each member, ``[members, N, classes]``, of ``[N, 1, size, size] uint8``."""
        return np.stack([self._pool.calibrated(m, out) for m, out in enumerate(self.outputs(batch))])

    def outputs(self, batch: NDArray[np.uint8]) -> list[Outputs]:
        """Logits and features of each member, in the manifest's order, of ``[N, 1, size, size] uint8``."""
        return [found for _, found in sorted(self._pool.outputs(batch).items())]

    def predict_prepared(
        self,
        prepared: Sequence[PreparedScan],
        on_prediction: OnPrediction | None = None,
        *,
        early_exit: bool | None = None,
    ) -> list[Prediction]:
        """Answer prepared scans together: all predictions of scans come from here.

        Parameters
        ----------
        on_prediction
            As :meth:`predict_many` takes it; called from this thread.
        early_exit
            As :meth:`vote` takes it.

        Raises
        ------
        BackendError, BundleError, UsageError
            As :meth:`predict`.
        """
        begin = time.perf_counter()
        batch = np.concatenate([one.network_input for one in prepared])
        votes = self.vote(batch, [one.scan.pixels for one in prepared], early_exit=early_exit)
        infer_ms = (time.perf_counter() - begin) * 1e3 / len(prepared)
        predictions, source, task = list[Prediction](), self.source, self.manifest.task
        for one, (decision, features) in zip(prepared, votes, strict=True):
            predictions.append(prediction_of(one, decision, source=source, task=task, infer_ms=infer_ms))
            if on_prediction:
                on_prediction(one.scan, predictions[-1], features)
        return predictions

    def close(self) -> None:
        """Release networks and threads; a closed ensemble answers nothing more."""
        self._pool.close()

    def __repr__(self) -> str:
        """Name bundle, members, precision, backend, and whether it is closed."""
        members, state = ", ".join(self.bundle.members), ", closed" if self._pool.closed else ""
        return f"Ensemble({self.manifest.name}: {members}; {self.precision} on {self.backend}{state})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
