"""A run or a bundle against labelled scans: every figure, of every member and of the vote, with its interval.

Beside them stands a control: the same vote on scans whose centre is blanked. Whatever it still gets right,
it reads off the border (burnt-in text, frames, the scanner's format), which differs between the sources of a
data set and tells nothing about the patient (DeGrave et al. 2021, "AI for radiographic COVID-19 detection
selects shortcuts over signal").

PyTorch is imported where a run is opened, and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_run.errors import UsageError
from edge_run.metrics.bootstrap import with_intervals
from edge_run.scan import read as image
from edge_run.voting.vote import decide, vote
from edge_train.data.dataset import decode, read_folders
from edge_train.data.samples import SPLITS

from .border import blank_centre
from .flags import count_flags
from .records import BorderControl, Classifier, Evaluated, Evaluation, Flagged
from .report import table, to_json, write
from .subjects import BundleSubject, RunSubject, Subject, default_out, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_train.data.dataset import Dataset

__all__ = [
    "BorderControl",
    "BundleSubject",
    "Classifier",
    "Evaluated",
    "Evaluation",
    "Flagged",
    "RunSubject",
    "Subject",
    "blank_centre",
    "default_out",
    "evaluate",
    "opened",
    "table",
    "to_json",
]

ENSEMBLE = "ensemble"
BATCH = 32
RESAMPLES = 1000
LEVEL = 0.95
FEW_GROUPS = 20


def evaluate(
    subject: Subject,
    folders: Sequence[Path],
    split: str = "test",
    *,
    out: Path | None = None,
    resamples: int = RESAMPLES,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Evaluation:
    """Answer the scans of one split and measure the answers.

    Parameters
    ----------
    subject
        A run, a bundle, or anything that answers.
    folders
        Labelled scans, see :func:`edge_train.data.dataset.read_folders`.
    split
        ``train``, ``val`` or ``test``.
    out
        Folder that receives ``evaluation.json``, ``predictions.csv``, ``confusion.png``, ``roc.png``,
        ``reliability.png`` and ``risk_coverage.png``; nothing is written without it.
    resamples
        Of the bootstrap over groups.
    progress
        Called with (what, done, total).

    Raises
    ------
    UsageError
        The split is unknown, or ``out`` cannot be written to.
    DataError
        The folders cannot be evaluated on.
    """
    if split not in SPLITS:
        raise UsageError(f"split {split!r} is unknown", hint=f"choose from {', '.join(SPLITS)}")
    dataset = read_folders(folders, labels=subject.labels, seed=subject.seed, required_splits=(split,))
    if out is not None:
        _claim(out)
    part = dataset.of(split)
    pixels = decode(part.samples, subject.spec, progress=lambda n, of: progress("reading", n, of)).pixels
    members, bordered, flags = _answers(subject, pixels[:, np.newaxis], part, progress)
    answers = dict(zip(subject.member_names, members, strict=True))
    answers[ENSEMBLE] = vote(members, subject.weights)
    measured = {name: _classifier(p, subject, part, resamples) for name, p in answers.items()}
    border = _classifier(vote(bordered, subject.weights), subject, part, resamples)
    evaluation = Evaluation(
        name=subject.name,
        answered_by=subject.answered_by,
        data=_describe(dataset, part, folders, split),
        notes=_notes(dataset, part, subject.trained_on, split),
        labels=subject.labels,
        positive=subject.positive,
        threshold=subject.threshold,
        weights=dict(zip(subject.member_names, subject.weights, strict=True)),
        resamples=resamples,
        level=LEVEL,
        members={name: measured[name] for name in subject.member_names},
        ensemble=measured[ENSEMBLE],
        border_only=BorderControl(border.figures, border.confusion),
        flags=None if flags is None else count_flags(flags, _wrong(answers[ENSEMBLE], subject, part), part.groups),
    )
    if out is not None:
        write(out, evaluation, part, answers)
    return evaluation


def _claim(out: Path) -> None:
    """Make the folder before the scans are answered, which may take long."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{out} cannot be written to: {error.strerror}"
        raise UsageError(reason, hint="choose another --out") from error


def _answers(
    subject: Subject, pixels: NDArray[np.uint8], part: Dataset, progress: Callable[[str, int, int], None]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[tuple[str, ...]] | None]:
    """Probabilities of each member, ``[M, N, C]``, on whole scans and on their borders; a bundle's flags."""
    whole, border = [], []
    bundle = subject if isinstance(subject, BundleSubject) else None
    flags: list[tuple[str, ...]] = []
    for start in range(0, len(pixels), BATCH):
        batch = pixels[start : start + BATCH]
        if bundle is not None:
            # Read again, as image quality is judged before resizing, and held a batch at a time.
            scans = [image.read(sample.path).pixels for sample in part.samples[start : start + BATCH]]
            said, found = bundle.flagged(batch, scans)
            flags += found
        else:
            said = subject.probabilities(batch)
        whole.append(said)
        border.append(subject.probabilities(blank_centre(batch)))
        progress("answering", start + len(batch), len(pixels))
    return np.concatenate(whole, axis=1), np.concatenate(border, axis=1), flags if bundle else None


def _wrong(voted: NDArray[np.float64], subject: Subject, part: Dataset) -> NDArray[np.bool_]:
    positive = subject.labels.index(subject.positive)
    return np.asarray(decide(voted, positive=positive, threshold=subject.threshold) != part.targets)


def _classifier(p: NDArray[np.float64], subject: Subject, part: Dataset, resamples: int) -> Classifier:
    positive, threshold = subject.labels.index(subject.positive), subject.threshold
    figures = with_intervals(
        p,
        part.targets,
        part.groups,
        positive=positive,
        threshold=threshold,
        resamples=resamples,
        level=LEVEL,
    )
    counts = np.zeros((p.shape[1], p.shape[1]), np.int64)
    np.add.at(counts, (part.targets, decide(p, positive=positive, threshold=threshold)), 1)
    return Classifier(figures, tuple(tuple(map(int, row)) for row in counts))


def _describe(dataset: Dataset, part: Dataset, folders: Sequence[Path], split: str) -> Evaluated:
    return Evaluated(
        folders=tuple(Path(folder).resolve().name for folder in folders),
        fingerprint=dataset.fingerprint,
        split_source=dataset.split_source,
        split=split,
        scans=len(part.samples),
        groups=len(set(part.groups)),
        counts={label: sum(s.label == label for s in part.samples) for label in dataset.labels},
    )


def _notes(dataset: Dataset, part: Dataset, trained_on: str, split: str) -> tuple[str, ...]:
    notes = list(dataset.warnings)
    if dataset.fingerprint != trained_on:
        notes.append(
            "these are not the folders and splits of the training: if they share scans or patients with it, "
            "the figures are too good"
        )
    elif split != "test":
        notes.append(f"the split {split} took part in the training: the figures are too good")
    groups = len(set(part.groups))
    if groups < FEW_GROUPS:
        notes.append(f"the intervals come from {groups} groups, fewer than {FEW_GROUPS}: they are too narrow")
    return tuple(notes)
