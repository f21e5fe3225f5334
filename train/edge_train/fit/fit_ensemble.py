"""After the members: predictions, temperatures, voting weights, thresholds, figures. Validation alone decides."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run._files import replacing
from edge_run.calibration.cross_fit import CrossFit, choose_evenness, cross_fit, equal_sets
from edge_run.calibration.operating_point import fit_threshold
from edge_run.calibration.temperature import fit_temperature
from edge_run.calibration.vote_check import temperatures_at_limit, weaknesses
from edge_run.calibration.weights import EQUAL, even_weights
from edge_run.errors import GateError, UsageError
from edge_run.metrics.bootstrap import Interval, with_intervals
from edge_run.voting.vote import softmax, vote
from edge_train import run as runs
from edge_train.evaluate.training_curves import training_curves
from edge_train.networks.infer import infer
from edge_train.run import EnsembleRecord, Run, RunRecord, Voter

from .fit import HISTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_train.data.dataset import Dataset

FITTED_ON = "val"
RULE = "one-standard-error"
ENSEMBLE = "ensemble.json"
PANELS = {
    "NLL, nats": {"train": "train_ce", "val": "val_nll"},
    "Accuracy": {"val": "val_accuracy"},
    "OS penalty": {"train": "train_os"},
}
"""What the training curves show: quantity -> line -> column of the history."""


class RunMetrics(msgspec.Struct, frozen=True):
    """``metrics.json``: figures of each member and of the ensemble on the validation split."""

    split: str
    members: dict[str, dict[str, Interval]]
    ensemble: dict[str, Interval]


def fit_and_write_ensemble(
    out: Path,
    record: RunRecord,
    dataset: Dataset,
    pixels: NDArray[np.uint8],
    *,
    operating_point: str,
    accept_weak_vote: bool = False,
    say: Callable[[str], None],
) -> None:
    """Write ``predictions.csv``, ``ensemble.json``, ``metrics.json`` and ``plots/`` into a run directory.

    Parameters
    ----------
    pixels
        ``[N, H, W] uint8`` in the order of ``dataset.samples``.
    operating_point
        See :func:`edge_run.calibration.operating_point.fit_threshold`.
    accept_weak_vote
        Write ``ensemble.json`` also where the vote is not better than chance, or worse than its best member.

    Raises
    ------
    GateError
        The vote is too weak; all but ``ensemble.json`` is written.
    """
    # Nothing is ever decided from the training split, and on a small machine its predictions take longest.
    judged = np.array([sample.split != "train" for sample in dataset.samples])
    dataset = replace(dataset, samples=tuple(s for s, keep in zip(dataset.samples, judged, strict=True) if keep))
    pixels = pixels[judged]
    logits = {member_id: _logits(out, record, member_id, pixels, say) for member_id in [m.id for m in record.members]}
    chosen = np.array([sample.split == FITTED_ON for sample in dataset.samples])
    part = dataset.of(FITTED_ON)
    ensemble, members, weak = fit_ensemble(
        {member_id: values[chosen] for member_id, values in logits.items()},
        part,
        positive=record.labels.index(record.positive),
        operating_point=operating_point,
    )
    _write_predictions(out / "predictions.csv", dataset, logits)
    _write_metrics(out, record, ensemble, members, part)
    for line in _lines(ensemble):
        say(line)
    if weak and not accept_weak_vote:
        # A vote of an earlier try must not be exported in its place.
        (out / ENSEMBLE).unlink(missing_ok=True)
        raise GateError("; ".join(weak), hint="train longer or on more scans; --resume --accept-weak-vote keeps it")
    runs.write(out / ENSEMBLE, ensemble)


def _lines(ensemble: EnsembleRecord) -> list[str]:
    """Describe the vote for a person, one line per member and per set."""
    lines = []
    for voter in ensemble.members:
        cost = ""
        if voter.cost_of_dropping is not None:
            cost = f", NLL without it {voter.cost_of_dropping:+.4f} (standard error {voter.cost_error:.4f})"
        lines.append(f"{voter.id}: weight {voter.weight:.3f}, temperature {voter.temperature:.3f}{cost}")
    figures = ", ".join(f"{name} {value:.4f}" for name, value in ensemble.nll.items())
    by_set = [f"{name}: NLL of the vote {value:.4f}" for name, value in ensemble.nll_by_set.items()]
    return [
        *lines,
        f"cross-fitted validation NLL: {figures}",
        *(by_set if len(by_set) > 1 else []),
        *(f"warning: {text}" for text in ensemble.warnings),
    ]


def fit_ensemble(
    logits: Mapping[str, NDArray[np.float32]], part: Dataset, *, positive: int, operating_point: str
) -> tuple[EnsembleRecord, NDArray[np.float64], list[str]]:
    """Fit temperatures, weights and thresholds on validation logits.

    Parameters
    ----------
    logits
        Per member ``[N, classes]``.
    part
        The validation samples: targets, groups and the folders they come from.

    Returns
    -------
    The record, the members' calibrated probabilities ``[M, N, classes]``, and what speaks against the vote.
    """
    targets = part.targets
    temperatures = {member_id: fit_temperature(values, targets) for member_id, values in logits.items()}
    members = np.stack([softmax(values, temperatures[member_id]) for member_id, values in logits.items()])
    fit = cross_fit(np.stack(list(logits.values())), targets, part.groups, part.folders)
    evenness = choose_evenness(fit)
    weights = even_weights(members, targets, equal_sets(part.folders), evenness)
    voted = vote(members, weights)
    try:
        threshold = fit_threshold(voted, targets, positive, operating_point) if voted.shape[1] == 2 else None
    except ValueError as error:
        raise UsageError(str(error), hint="--operating-point 0.5") from error
    weak = weaknesses(fit, evenness, list(logits))
    record = EnsembleRecord(
        fitted_on=FITTED_ON,
        shrink=0.0,
        operating_point=operating_point,
        threshold=threshold,
        members=_voters(fit, evenness, temperatures, weights),
        rule=RULE,
        evenness=evenness,
        nll=_figures(fit, evenness, list(logits)),
        nll_by_set=_by_set(fit, evenness, part.folders),
        warnings=(*weak, *temperatures_at_limit(temperatures)),
    )
    return record, members, weak


def _voters(
    fit: CrossFit, evenness: float, temperatures: Mapping[str, float], weights: Sequence[float]
) -> tuple[Voter, ...]:
    voted = fit.losses(evenness)
    voters = []
    for place, (member_id, temperature) in enumerate(temperatures.items()):
        cost = fit.estimate(fit.losses(evenness, without=place) - voted) if len(weights) > 1 else (None, None)
        voters.append(Voter(member_id, weights[place], temperature, *cost))
    return tuple(voters)


def _figures(fit: CrossFit, evenness: float, member_ids: Sequence[str]) -> dict[str, float]:
    """Return the cross-fitted NLL of the vote, of equal weights, of chance and of each member, nats."""
    losses = {"vote": fit.losses(evenness), "equal": fit.losses(EQUAL), "chance": fit.chance}
    losses |= dict(zip(member_ids, fit.member_losses(), strict=True))
    return {name: fit.estimate(values).mean for name, values in losses.items()}


def _by_set(fit: CrossFit, evenness: float, folders: Sequence[str]) -> dict[str, float]:
    losses, place = fit.losses(evenness), np.asarray(folders)
    return {name: float(losses[place == name].mean()) for name in sorted(set(folders))}


def _logits(
    out: Path, record: RunRecord, member_id: str, pixels: NDArray[np.uint8], say: Callable[[str], None]
) -> NDArray[np.float32]:
    """Reference logits of one member over all scans; kept, because on a small machine they take minutes."""
    member = next(m for m in record.members if m.id == member_id)
    kept = out / "members" / member_id / f"logits-{member.sha256[:12]}-{record.data.fingerprint[:12]}.npy"
    if kept.exists():
        found: NDArray[np.float32] = np.load(kept, allow_pickle=False)
        if len(found) == len(pixels):
            return found
    say(f"{member_id}: predicting {len(pixels)} scans")
    logits = infer(Run.load_member(out, record, member_id), pixels)
    with replacing(kept, private=False) as unfinished, unfinished.open("wb") as file:
        np.save(file, logits, allow_pickle=False)
    return logits


def _write_predictions(path: Path, dataset: Dataset, logits: Mapping[str, NDArray[np.float32]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "label", "split", "group", "member", *(f"logit_{x}" for x in dataset.labels)])
        for member_id, values in logits.items():
            for sample, row in zip(dataset.samples, values, strict=True):
                writer.writerow([sample.name, sample.label, sample.split, sample.group, member_id, *map(float, row)])


def _write_metrics(
    out: Path, record: RunRecord, ensemble: EnsembleRecord, members: NDArray[np.float64], part: Dataset
) -> None:
    positive = record.labels.index(record.positive)
    voted = vote(members, [voter.weight for voter in ensemble.members])

    def figures(probabilities: NDArray[np.float64]) -> dict[str, Interval]:
        return with_intervals(probabilities, part.targets, part.groups, positive=positive, threshold=ensemble.threshold)

    by_member = {voter.id: figures(p) for voter, p in zip(ensemble.members, members, strict=True)}
    runs.write(out / "metrics.json", RunMetrics(FITTED_ON, by_member, figures(voted)))
    (out / "plots").mkdir(exist_ok=True)
    histories = {m.id: _history(out / "members" / m.id / HISTORY) for m in record.members}
    training_curves(
        out / "plots" / "training.png",
        histories,
        panels=PANELS,
        averaged={m.id: m.averaged_epochs for m in record.members},
    )


def _history(path: Path) -> dict[str, Sequence[float]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}
