"""Turn figures of trust into questions and answers, with the figures beside them."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from edge_explain.trust.trust_warnings import BORDER, COSINE, OUTSIDE_BODY, RANDOMISATION

from .environment import signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_explain.explanation import Curve, Explanation, Trust

YES, DOUBT, NO, NONE = "yes", "doubt", "no", ""

GAP = 0.5
"""Largest gap of GradientShap, as a share of the difference that it explains, at which attributions partly add up."""


class Question(NamedTuple):
    """A question, its answer in a word or two, the CSS class of the answer, and the figures."""

    question: str
    answer: str
    mood: str
    figures: str


def questions(explanation: Explanation) -> list[Question]:
    """Answer the questions for which something was measured."""
    trust = explanation.trust
    answers = [
        _faithful(trust),
        _learnt(trust),
        _location(trust),
        _agreement(trust),
        _parity(explanation),
        _sums(explanation),
        _steady(trust),
    ]
    return [question for question in answers if question]


def chance(curve: Curve, *, higher: bool) -> float:
    """Compute by how many standard deviations a curve is better than random rankings."""
    better = curve.area - curve.random_area if higher else curve.random_area - curve.area
    return better / max(curve.random_deviation, 1e-3)


def _faithful(trust: Trust) -> Question | None:
    if trust.insertion is None or trust.deletion is None:
        return None
    scores = chance(trust.insertion, higher=True), chance(trust.deletion, higher=False)
    good = sum(score >= 2 for score in scores)
    answer, mood = (("no better than chance", NO), ("in part", DOUBT), ("yes", YES))[good]
    figures = "; ".join(
        f"{name} {curve.area:.2f}, at random {curve.random_area:.2f} \u00b1 {curve.random_deviation:.2f}"
        for name, curve in (("insertion", trust.insertion), ("deletion", trust.deletion))
    )
    return Question("Does the answer depend on what the map marks?", answer, mood, figures)


def _learnt(trust: Trust) -> Question | None:
    if not trust.randomisation:
        return None
    worst = max(trust.randomisation.values())
    answer, mood = ("yes", YES) if worst <= RANDOMISATION / 2 else ("partly", DOUBT)
    if worst > RANDOMISATION:
        answer, mood = "hardly", NO
    return Question(
        "Does the map depend on what the network learned?",
        answer,
        mood,
        f"rank correlation with a shuffled network, ideally 0: {_listed(trust.randomisation)}",
    )


def _location(trust: Trust) -> Question:
    inside = 1 - trust.outside_body
    good = trust.outside_body <= OUTSIDE_BODY and trust.border <= BORDER
    answer, mood = ("yes", YES) if good else ("not only", NO)
    return Question(
        "Does it look at the patient?",
        answer,
        mood,
        f"of the evidence for the answer, {inside:.0%} lies in the body and {trust.border:.0%} on the outer border, "
        f"which is {BORDER:.0%} of the scan",
    )


def _agreement(trust: Trust) -> Question | None:
    if not trust.agreement:
        return None
    mean, low = fmean(trust.agreement.values()), min(trust.agreement, key=lambda pair: trust.agreement[pair])
    answer, mood = ("yes", YES) if mean >= 0.5 else ("in part", DOUBT) if mean >= 0.2 else ("no", NO)
    return Question(
        "Do the members mark the same places?",
        answer,
        mood,
        f"rank correlation of their maps, mean {signed(mean, '.2f')}; "
        f"smallest {signed(trust.agreement[low], '.2f')} ({low})",
    )


def _parity(explanation: Explanation) -> Question | None:
    if not explanation.parity:
        return None
    cosine = {member_id: one.cosine for member_id, one in explanation.parity.items()}
    worst = max(explanation.parity.values(), key=lambda one: one.max_abs)
    least = min(cosine.values())
    answer, mood = ("yes", YES) if least >= 0.99 else ("nearly", YES) if least >= COSINE else ("no", NO)
    return Question(
        "Are the compiled maps those of the originals?",
        answer,
        mood,
        f"cosine {_listed(cosine, '.4f')}; largest difference {worst.max_abs:.2%} of the peak; {explanation.origin}",
    )


def _sums(explanation: Explanation) -> Question | None:
    parts = []
    answer, mood = "", NONE
    if explanation.regions is not None:
        parts.append(f"the Shapley values differ from the probability by {abs(explanation.regions.gap):.1g}")
    if explanation.completeness:
        parts.append(f"GradientShap's gap in log-odds: {_listed(explanation.completeness)}")
        worst = max(_relative_gap(explanation, member_id) for member_id in explanation.completeness)
        answer, mood = ("yes", YES) if worst <= GAP / 5 else ("in part", DOUBT) if worst <= GAP else ("no", NO)
    return Question("Do the attributions add up?", answer, mood, "; ".join(parts)) if parts else None


def _relative_gap(explanation: Explanation, member_id: str) -> float:
    """Compare a member's GradientShap gap with the difference that the attributions should add up to."""
    gap = explanation.completeness[member_id]
    return abs(gap) / max(abs(float(explanation.shap[member_id].sum()) - gap), 1e-3)


def _steady(trust: Trust) -> Question | None:
    parts = []
    if trust.sensitivity:
        parts.append(f"sensitivity {_listed(trust.sensitivity)}")
    if trust.infidelity:
        parts.append(f"infidelity {_listed(trust.infidelity, '.2g')}")
    return Question("Is the map steady?", "", NONE, f"lower is better: {'; '.join(parts)}") if parts else None


def _listed(values: Mapping[str, float], form: str = ".2f") -> str:
    return ", ".join(f"{name} {signed(value, form)}" for name, value in values.items())
