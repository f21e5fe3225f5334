"""What can be evaluated: a run, answered by PyTorch, or a bundle, answered without it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edge_run._version import __version__
from edge_run.backends import AUTO
from edge_run.bundle.archive import MANIFEST
from edge_run.bundle.bundle import Bundle
from edge_run.bundle.installed import find_bundle
from edge_run.ensemble.ensemble import Ensemble
from edge_run.errors import BundleError, UsageError
from edge_run.voting.vote import softmax

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_train.run import Run


class Subject(Protocol):
    """What can be evaluated.

    Attributes
    ----------
    name
        Short, for people.
    threshold
        Operating point of the vote, see :func:`edge_run.voting.vote.decide`; members are decided at it too.
    spec
        How a scan becomes an input.
    member_names, weights
        Voters and their shares of the vote.
    trained_on
        Fingerprint of the training's data set.
    seed
        Of the split that is made where a folder brings none: the training's.
    answered_by
        Backend, precision, versions and hashes, by name.
    """

    name: str
    labels: tuple[str, ...]
    positive: str
    threshold: float | None
    spec: PreprocessSpec
    member_names: tuple[str, ...]
    weights: tuple[float, ...]
    trained_on: str
    seed: int
    answered_by: dict[str, str]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities ``[M, N, C]`` of preprocessed scans ``[N, 1, size, size] uint8``."""


class RunSubject:
    """A finished run: its PyTorch members, in float32."""

    def __init__(self, run: Run) -> None:
        record, fitted = run.record, run.ensemble
        self.folder = run.folder
        self.name = run.folder.resolve().name
        self.labels, self.positive, self.threshold = record.labels, record.positive, fitted.threshold
        self.spec = record.config.preprocess
        self.member_names = tuple(voter.id for voter in fitted.members)
        self.weights = tuple(voter.weight for voter in fitted.members)
        self.trained_on, self.seed = record.data.fingerprint, record.config.seed
        self.answered_by = {"backend": "pytorch", "precision": "fp32", "version": __version__}
        self.answered_by |= {m.id: m.sha256 for m in record.members}
        self._members = [(run.member(voter.id), voter.temperature) for voter in fitted.members]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities ``[M, N, C]`` of preprocessed scans ``[N, 1, size, size] uint8``."""
        from edge_train.networks.infer import infer

        return np.stack([softmax(infer(member, pixels[:, 0]), t) for member, t in self._members])


class BundleSubject:
    """A loaded bundle at one precision on one backend."""

    def __init__(self, ensemble: Ensemble) -> None:
        manifest, source = ensemble.manifest, ensemble.source
        task = manifest.task
        self.name = manifest.name
        self.labels, self.positive, self.threshold = task.labels, task.positive, task.threshold
        self.spec = manifest.preprocess
        self.member_names = tuple(member.id for member in manifest.members)
        self.weights = tuple(member.weight for member in manifest.members)
        # A bundle does not say with which seed its data were split; 0 is what a training uses by default.
        self.trained_on, self.seed = manifest.provenance.data_fingerprint, 0
        self.answered_by = {
            "backend": source.backend,
            "precision": source.precision,
            "version": source.version,
            "bundle_sha256": source.bundle_sha256,
        }
        self.answered_by |= {f"passed over {p.backend}": p.reason for p in source.skipped_backends}
        self._ensemble = ensemble

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities ``[M, N, C]`` of preprocessed scans ``[N, 1, size, size] uint8``."""
        return self._ensemble.probabilities(pixels)

    def flagged(
        self, pixels: NDArray[np.uint8], scans: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], list[tuple[str, ...]]]:
        """Probabilities ``[M, N, C]``, and the names of each scan's flags.

        Parameters
        ----------
        scans
            The same scans as they were read, ``[H, W] uint8`` each.
        """
        decisions = [vote.decision for vote in self._ensemble.vote(pixels, scans)]
        said = [[list(vote.probabilities.values()) for vote in decision.members] for decision in decisions]
        return np.array(said).swapaxes(0, 1), [tuple(flag.name for flag in d.flags) for d in decisions]


@contextmanager
def opened(
    path: str | Path, *, precision: str | None = None, backend: str = AUTO, threads: int | None = None
) -> Iterator[Subject]:
    """Open a run's folder, or a bundle's folder, zip or built-in name; close it at the end of the block.

    Parameters
    ----------
    precision, backend
        Of a bundle, see :class:`edge_run.ensemble.ensemble.Ensemble`.
    threads
        Cores to use; all that the process may use by default.

    Raises
    ------
    BundleError
        It is neither, or it is damaged or unfinished.
    UsageError
        A precision or backend is asked of a run.
    BackendError
        PyTorch, which a run needs, or the bundle's backend is missing.
    """
    if _is_run(Path(path)):
        if precision is not None or backend != AUTO:
            raise UsageError(
                f"{path} is a run, which PyTorch answers in float32: it has no other precision or backend",
                hint="leave --precision and --backend out, or evaluate the bundle that is exported from it",
            )
        from edge_train.networks.infer import use_threads
        from edge_train.run import Run

        use_threads(threads)
        yield RunSubject(Run(Path(path)))
        return
    found = find_bundle(path)
    if not found.is_file() and not (found / MANIFEST).is_file():
        raise BundleError(
            f"{path} is neither a run nor a bundle: it has no run.json and no {MANIFEST}, and is no zip",
            hint="give what edge-run train or edge-run export wrote, or a built-in bundle's name",
        )
    with Ensemble(Bundle(found), precision=precision, backend=backend, threads=threads) as ensemble:
        yield BundleSubject(ensemble)


def default_out(subject: Subject, split: str) -> Path:
    """Name the folder of an evaluation: inside a run; in the working folder for a bundle, which is sealed."""
    if isinstance(subject, RunSubject):
        return subject.folder / "evaluation" / split
    # The name is the bundle's word, and must not lead elsewhere.
    return Path(f"evaluation-{re.sub(r'[^A-Za-z0-9._-]+', '-', subject.name)}-{split}")


def _is_run(folder: Path) -> bool:
    """Tell a run, also one whose training has not ended: opening it says how to go on."""
    return (folder / "run.json").is_file() or (folder / "request.json").is_file()
