"""The call that a trial times: a network, an ensemble, or everything from the file to the answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge_run.backends import Network, open_runner
from edge_run.bundle.bundle import Bundle
from edge_run.ensemble.ensemble import Ensemble
from edge_run.scan import read as image
from edge_run.scan.preprocessing import preprocess

from .plan import CERTIFIED
from .record import MEMBER, PREDICT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .job import Job

    Call = Callable[[Any], int]
    """Answers one scan; returns how many members answered."""


def inputs(job: Job) -> list[Any]:
    """Return the scans as the call takes them: paths for ``predict``, else ``[1, 1, size, size] uint8``."""
    if job.variant.what == PREDICT:
        return list(job.scans)
    spec = Bundle(job.bundle).manifest.preprocess
    return [preprocess(image.read(path).pixels, spec) for path in job.scans]


@contextmanager
def opened(job: Job) -> Iterator[Call]:
    """Open the bundle, and load the part of it that the variant needs.

    Raises
    ------
    BundleError, BackendError
        It cannot be loaded.
    """
    variant, bundle = job.variant, Bundle(job.bundle)
    if variant.what == MEMBER:
        member = next(m for m in bundle.manifest.members if m.id == variant.member)
        network = Network.read(bundle, member, variant.precision)
        with open_runner(variant.backend, network, threads=job.threads) as runner:
            yield lambda batch: len(runner.run(batch).logits)
        return
    with Ensemble(
        bundle,
        precision=variant.precision,
        backend=variant.backend,
        threads=job.threads,
        early_exit=variant.exit == CERTIFIED,
    ) as ensemble:
        if variant.what == PREDICT:
            yield lambda path: len(ensemble.predict(path).decision.members)
        else:
            yield lambda batch: len(ensemble.vote(batch)[0].decision.members)
