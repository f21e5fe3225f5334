"""Temperatures, weights and operating point on noted cases, and whether they are better than the present ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.calibration.cross_fit import choose_evenness, cross_fit, equal_sets
from edge_run.calibration.operating_point import fit_threshold
from edge_run.calibration.temperature import fit_temperature
from edge_run.calibration.vote_check import no_better_than_chance, temperatures_at_limit, worse_than_a_member
from edge_run.calibration.weights import even_weights
from edge_run.voting.vote import decide, softmax, vote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Manifest, Task
    from edge_run.calibration.cross_fit import CrossFit, Estimate

    from .labelled import LabelledCases

DEFAULT_RULE = "youden"


class Refit(NamedTuple):
    """A vote that was fitted on noted cases, beside the present one.

    Attributes
    ----------
    temperatures, weights
        ``[M]`` each, in the manifest's order.
    threshold
        The operating point; None where there are more than two classes.
    threshold_gain
        By how much the refitted operating point raises balanced accuracy, cross-fitted, and its standard error; None
        where a rule was asked for.
    members
        Calibrated probabilities of the new vote's members, ``[M, N, classes]``.
    honest
        The new vote's probabilities, ``[N, classes]``, each scan's fitted without its fold.
    present
        The present vote's probabilities, ``[N, classes]``.
    nll, present_nll, gain
        Mean negative log-likelihood of ``honest`` and ``present``, nats, and the second minus the first, each with its
        standard error over groups.
    weak
        Sentences that speak against the new vote; empty where nothing does.
    warnings
        Sentences that a reader should know, one each.
    """

    temperatures: tuple[float, ...]
    weights: tuple[float, ...]
    threshold: float | None
    threshold_gain: Estimate | None
    members: NDArray[np.float64]
    honest: NDArray[np.float64]
    present: NDArray[np.float64]
    nll: Estimate
    present_nll: Estimate
    gain: Estimate
    weak: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def better(self) -> bool:
        """Whether the new vote's NLL is lower by more than the standard error of the difference."""
        return self.gain.mean > self.gain.error


def refit(manifest: Manifest, precision: str, cases: LabelledCases, rule: str | None) -> Refit:
    """Fit a vote on noted cases, by the rule of the training: the most even weights that are as good as the best.

    Parameters
    ----------
    rule
        Operating point, see :func:`edge_run.calibration.operating_point.fit_threshold`. None: where sensitivity plus
        specificity is largest, if that raises balanced accuracy by more than its standard error; else the present one.

    Raises
    ------
    ValueError
        The rule is unknown.
    """
    sets = ["log"] * len(cases.targets)
    fit = cross_fit(cases.logits, cases.targets, cases.groups, sets)
    evenness = choose_evenness(fit)
    temperatures = [fit_temperature(values, cases.targets) for values in cases.logits]
    members = np.stack([softmax(v, t) for v, t in zip(cases.logits, temperatures, strict=True)])
    weights = even_weights(members, cases.targets, equal_sets(sets), evenness)
    present = present_vote(manifest, precision, cases.logits)
    honest = fit.voted(evenness)
    losses, present_losses = fit.losses(evenness), _losses(present, cases.targets)
    by_id = dict(zip([member.id for member in manifest.members], temperatures, strict=True))
    at_limit = {name: line for name, t in by_id.items() for line in temperatures_at_limit({name: t})}
    point = _operating_point(manifest.task, fit, honest, rule)
    return Refit(
        tuple(temperatures),
        tuple(weights),
        fit_threshold(vote(members, weights), cases.targets, point.positive, point.rule) if point.rule else point.value,
        point.gain,
        members,
        honest,
        present,
        fit.estimate(losses),
        fit.estimate(present_losses),
        fit.estimate(present_losses - losses),
        (
            *no_better_than_chance(fit, evenness),
            *_worse_answers(manifest.task, fit, point, present),
            *(line for member_id, line in at_limit.items() if by_id[member_id] < 1),
        ),
        (
            *worse_than_a_member(fit, evenness, list(by_id)),
            *(line for member_id, line in at_limit.items() if by_id[member_id] > 1),
        ),
    )


def present_vote(manifest: Manifest, precision: str, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a bundle as it is answers to logits ``[M, N, classes]``: ``[N, classes]``."""
    temperatures = [member.artefacts[precision].temperature for member in manifest.members]
    members = [softmax(values, t) for values, t in zip(logits, temperatures, strict=True)]
    return vote(np.stack(members), [member.weight for member in manifest.members])


class _Point(NamedTuple):
    """Which operating point to take: by ``rule``, or ``value`` where that is None; the labels without each fold."""

    rule: str | None
    value: float | None
    positive: int
    decided: NDArray[np.int64]
    gain: Estimate | None


def _operating_point(task: Task, fit: CrossFit, honest: NDArray[np.float64], rule: str | None) -> _Point:
    positive = task.labels.index(task.positive)
    kept = decide(honest, positive=positive, threshold=task.threshold)
    if len(task.labels) != 2:
        return _Point(None, None, positive, kept, None)
    moved = kept.copy()
    for k in range(int(fit.fold.max()) + 1):
        rest, judged = fit.fold != k, fit.fold == k
        threshold = fit_threshold(honest[rest], fit.targets[rest], positive, rule or DEFAULT_RULE)
        moved[judged] = decide(honest[judged], positive=positive, threshold=threshold)
    if rule is not None:
        return _Point(rule, None, positive, moved, None)
    gain = _balanced_gain(fit, moved, kept)
    if gain.mean > gain.error:
        return _Point(DEFAULT_RULE, None, positive, moved, gain)
    return _Point(None, task.threshold, positive, kept, gain)


def _balanced_gain(fit: CrossFit, new: NDArray[np.int64], old: NDArray[np.int64]) -> Estimate:
    """By how much labels ``[N]`` have a higher balanced accuracy than others: each class counts the same."""
    counts = np.bincount(fit.targets)
    share = len(fit.targets) / (np.count_nonzero(counts) * counts[fit.targets])
    return fit.estimate(share * ((new == fit.targets).astype(float) - (old == fit.targets)))


def _worse_answers(task: Task, fit: CrossFit, point: _Point, present: NDArray[np.float64]) -> list[str]:
    """Say that the labels got worse; a rule for the operating point that was asked for may cost accuracy."""
    gain = _balanced_gain(fit, point.decided, decide(present, positive=point.positive, threshold=task.threshold))
    asked = point.rule is not None and point.gain is None
    if asked or not -gain.mean > gain.error:
        return []
    worse = (
        f"the new vote's answers are worse: balanced accuracy changes by {gain.mean:+.3f} on the cases, cross-fitted"
    )
    return [f"{worse} (standard error {gain.error:.3f})"]


def _losses(probabilities: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    p = probabilities[np.arange(len(targets)), targets]
    return np.asarray(-np.log(np.clip(p, 1e-12, None)), np.float64)
