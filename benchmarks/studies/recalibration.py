"""What a recalibration improves, and what it cannot: a bundle on scans of another set, with 50, 100, 200 noted cases.

    python -m benchmarks.studies.recalibration BUNDLE DATA [--splits S ...] [--change C] [--cases N ...]
        [--repeats R] [--cache FOLDER]

Every scan is answered once, and logged with its true label in a case log under ``--cache``. Then patients are dealt
out again and again: scans of some are the noted cases, those of all others judge. Where `edge-run recalibrate` would
refuse, the bundle stays as it is, and counts as it is. A change makes the scans those of another scanner: ``gamma``
brightens them (exponent 0.5), ``coarse`` shrinks them to 64 pixels. A label that the bundle does not know counts as its
other class.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_run import Ensemble
from edge_run import read as read_scan
from edge_run.bundle.bundle import Bundle
from edge_run.cases import CaseLog, reading
from edge_run.cases.ids import now_ms, utc
from edge_run.errors import UsageError
from edge_run.flags import disagreement
from edge_run.metrics.figures import measure
from edge_run.recalibrate import Request
from edge_run.recalibrate.labelled import select
from edge_run.recalibrate.recalibrate import fit_vote
from edge_run.recalibrate.refit import present_vote
from edge_run.voting.vote import decide, softmax
from edge_train.data.dataset import read_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Manifest
    from edge_run.cases.hashing import Entry
    from edge_run.recalibrate.labelled import LabelledCases

FEWEST_JUDGES, PROGRESS = 40, 50
COLUMNS = ("nll", "ece", "balanced_accuracy", "auroc", "flagged", "missed")
HEAD = ("NLL", "ECE", "balanced accuracy", "AUROC", "flagged", "wrong without a flag")


def gamma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Brighten what is dark."""
    return np.round(255 * np.sqrt(pixels / 255)).astype(np.uint8)


def coarse(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink the shorter side to 64 pixels."""
    scale = 64 / min(pixels.shape)
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


REFUSALS = {
    "not better than the present": "no better than the present vote",
    "not better than chance": "not better than chance",
    "answers are worse": "answers got worse",
    "at its limit": "no wrong answer of a member",
}
"""Words of a reason -> what the table calls it."""
CHANGES = {"none": None, "gamma": gamma, "coarse": coarse}


class Trial(NamedTuple):
    """One draw of noted cases: why the new vote was refused, if it was, and figures on the other patients' scans."""

    refused: str
    before: dict[str, float]
    after: dict[str, float]


def main(arguments: Sequence[str]) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("data", type=Path)
    parser.add_argument("--splits", nargs="+", default=["test"])
    parser.add_argument("--change", choices=list(CHANGES), default="none")
    parser.add_argument("--cases", nargs="+", type=int, default=[50, 100, 200])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=Path("runs/recalibration"))
    given = parser.parse_args(arguments)
    bundle = Bundle(given.bundle)
    entries = answered(bundle, given.data, given.splits, given.change, given.cache)
    part, change = " and ".join(given.splits), "" if given.change == "none" else f", changed: {given.change}"
    print(f"{bundle.manifest.name} {bundle.sha256[:12]} on {given.data.name} ({part}{change}), {len(entries)} scans")
    print(f"{given.repeats} draws of patients; mean (2.5 % to 97.5 % of the draws) on the scans of the others\n")
    print(f"| noted | vote | accepted | NLL, change | {' | '.join(HEAD)} |")
    print(f"|---|---|---|---|{'---|' * len(HEAD)}")
    for count in given.cases:
        for line in rows(count, [t for seed in range(given.repeats) if (t := trial(bundle, entries, count, seed))]):
            print(line)


def rows(count: int, trials: Sequence[Trial]) -> list[str]:
    """Two lines of the table: the present vote, and what recalibrate leaves behind."""
    if not trials:
        return [f"| {count} | too few scans are left to judge, or of a class |{' |' * (len(HEAD) + 2)}"]
    accepted = sum(not t.refused for t in trials)
    first = " | ".join(_cell([t.before[name] for t in trials]) for name in COLUMNS)
    second = " | ".join(_cell([t.after[name] for t in trials]) for name in COLUMNS)
    change = _cell([t.after["nll"] - t.before["nll"] for t in trials], "+.3f")
    share = f"{accepted} of {len(trials)}"
    lines = [f"| {count} | present | | | {first} |", f"| | recalibrated | {share} | {change} | {second} |"]
    reasons = Counter(t.refused for t in trials if t.refused)
    why = "; ".join(f"{times} refused: {reason}" for reason, times in reasons.most_common())
    return [*lines, *([f"| | {why} |{' |' * (len(HEAD) + 2)}"] if why else [])]


def trial(bundle: Bundle, entries: Sequence[Entry], count: int, seed: int) -> Trial | None:
    """Recalibrate on the scans of some patients and judge on those of the others; None where either are too few."""
    patients = np.array([entry["notes"][-1]["remark"] for entry in entries])
    names = np.random.default_rng(seed).permutation(np.unique(patients))
    place = {name: n for n, name in enumerate(names)}
    order = np.argsort([place[name] for name in patients], kind="stable")
    last = patients[order[min(count, len(order)) - 1]]
    cut = max(n for n, at in enumerate(order) if patients[at] == last) + 1
    # Whole patients on either side: a drawn patient's later scans judge nothing.
    noted, judged = [entries[n] for n in order[:count]], [entries[n] for n in order[cut:]]
    cases = select(bundle, lambda: judged).cases
    if len(order) < count or len(judged) < FEWEST_JUDGES or len(np.unique(cases.targets)) < 2:
        return None
    selection = select(bundle, lambda: noted)
    precision = selection.precision
    before = figures(bundle.manifest, precision, cases)
    try:
        new, report = fit_vote(bundle, selection, Request(), resamples=1)
    except UsageError:
        return Trial("too few of a class", before, before)
    if not report.accepted:
        return Trial(next(name for words, name in REFUSALS.items() if words in report.reasons[0]), before, before)
    return Trial("", before, figures(new, precision, cases))


def figures(manifest: Manifest, precision: str, cases: LabelledCases) -> dict[str, float]:
    """Measure a bundle's vote and its fitted flags on scans."""
    task = manifest.task
    positive = task.labels.index(task.positive)
    voted = present_vote(manifest, precision, cases.logits)
    measured = measure(voted, cases.targets, positive=positive, threshold=task.threshold)
    wrong = decide(voted, positive=positive, threshold=task.threshold) != cases.targets
    flagged = marked(manifest, precision, cases, voted)
    found = {name: float(getattr(measured, name)) for name in COLUMNS if hasattr(measured, name)}
    kept = ~flagged
    return {**found, "flagged": float(flagged.mean()), "missed": float(wrong[kept].mean()) if kept.any() else np.nan}


def marked(manifest: Manifest, precision: str, cases: LabelledCases, voted: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which scans the fitted flags mark, ``[N]``."""
    thresholds = manifest.flags[precision]
    flagged = voted.max(axis=1) < thresholds.low_confidence
    members = {member.id: m for m, member in enumerate(manifest.members)}
    always = [members[member_id] for member_id in manifest.stages[0]]
    if thresholds.disagreement is not None:
        temperatures = [manifest.members[m].artefacts[precision].temperature for m in always]
        p = np.stack([softmax(cases.logits[m], t) for m, t in zip(always, temperatures, strict=True)])
        flagged |= disagreement(p, [manifest.members[m].weight for m in always]) > thresholds.disagreement
    if thresholds.feature_distance is not None and cases.distance is not None:
        flagged |= cases.distance >= thresholds.feature_distance.threshold
    return np.asarray(flagged, bool)


def answered(bundle: Bundle, folder: Path, splits: Sequence[str], change: str, cache: Path) -> list[Entry]:
    """Answer all scans of some splits, or read the answers that were logged before, each with its label and patient."""
    dataset = read_folders([folder], required_splits=())
    samples = [sample for sample in dataset.samples if sample.split in splits]
    path = cache / f"{bundle.sha256[:12]}-{folder.name}-{'-'.join(splits)}-{change}.sqlite"
    known = bundle.labels
    other = next(label for label in known if label != bundle.manifest.task.positive)
    altered = CHANGES[change]
    with CaseLog.open(path) as log:
        log.connection.execute("PRAGMA synchronous = OFF")
        found = list(reading.cases(log))
        if len(found) < len(samples):
            with Ensemble(bundle) as ensemble:
                for n, sample in enumerate(samples[len(found) :], len(found) + 1):
                    if n % PROGRESS == 0:
                        print(f"answered {n} of {len(samples)}", file=sys.stderr)
                    source = sample.path if altered is None else altered(read_scan(sample.path).pixels)
                    case = log.append(ensemble.predict(source))
                    label = sample.label if sample.label in known else other
                    with log.writing():
                        said = {"label": label, "remark": sample.group}
                        log.add({"kind": "note", "id": case, "utc": utc(now_ms()), **said})
            found = list(reading.cases(log))
    return found


def _cell(values: Sequence[float], form: str = ".3f") -> str:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return f"{np.nanmean(values):{form}} ({low:{form}} to {high:{form}})"


if __name__ == "__main__":
    main(sys.argv[1:])
