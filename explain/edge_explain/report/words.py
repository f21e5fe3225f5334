"""Trust figures -> what a clinician reads, and the numbers beside it."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from edge_explain.trust.warn import BORDER, COSINE, OUTSIDE_BODY, RANDOMISATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_explain.explanation import Curve, Explanation, Trust

YES, DOUBT, NO, NONE = "yes", "doubt", "no", ""


class Row(NamedTuple):
    """A question, its answer in a word or two, how sound that is (a CSS class), and the figures."""

    question: str
    answer: str
    mood: str
    figures: str


def rows(explanation: Explanation) -> list[Row]:
    """What was measured, one question a row; what was not is left out."""
    trust = explanation.trust
    found = [
        _faithful(trust),
        _learnt(trust),
        _place(trust),
        _agreement(trust),
        _parity(explanation),
        _sums(explanation),
        _steady(trust),
    ]
    return [row for row in found if row]


def chance(curve: Curve, *, higher: bool) -> float:
    """By how many standard deviations of random rankings a curve is better than they are."""
    better = curve.area - curve.random_area if higher else curve.random_area - curve.area
    return better / max(curve.random_deviation, 1e-3)


def _faithful(trust: Trust) -> Row | None:
    if trust.insertion is None or trust.deletion is None:
        return None
    scores = chance(trust.insertion, higher=True), chance(trust.deletion, higher=False)
    good = sum(score >= 2 for score in scores)
    answer, mood = (("no better than chance", NO), ("in part", DOUBT), ("yes", YES))[good]
    figures = "; ".join(
        f"{name} {curve.area:.2f}, at random {curve.random_area:.2f} \u00b1 {curve.random_deviation:.2f}"
        for name, curve in (("insertion", trust.insertion), ("deletion", trust.deletion))
    )
    return Row("Does the answer hang on what the map marks?", answer, mood, figures)


def _learnt(trust: Trust) -> Row | None:
    if not trust.randomisation:
        return None
    worst = max(trust.randomisation.values())
    answer, mood = ("yes", YES) if worst <= RANDOMISATION / 2 else ("partly", DOUBT)
    if worst > RANDOMISATION:
        answer, mood = "hardly", NO
    return Row(
        "Does the map show what was learnt?",
        answer,
        mood,
        f"rank correlation with a shuffled network, 0 is right: {_listed(trust.randomisation)}",
    )


def _place(trust: Trust) -> Row:
    inside = 1 - trust.outside_body
    good = trust.outside_body <= OUTSIDE_BODY and trust.border <= BORDER
    answer, mood = ("yes", YES) if good else ("not only", NO)
    return Row(
        "Does it look at the patient?",
        answer,
        mood,
        f"of what speaks for it, {inside:.0%} lies in the body and {trust.border:.0%} on the outer border, "
        f"which is {BORDER:.0%} of the scan",
    )


def _agreement(trust: Trust) -> Row | None:
    if not trust.agreement:
        return None
    mean, low = fmean(trust.agreement.values()), min(trust.agreement, key=lambda pair: trust.agreement[pair])
    answer, mood = ("yes", YES) if mean >= 0.5 else ("in part", DOUBT) if mean >= 0.2 else ("no", NO)
    return Row(
        "Do the members look at the same places?",
        answer,
        mood,
        f"rank correlation of their maps, mean {_signed(mean)}; least {_signed(trust.agreement[low])} ({low})",
    )


def _parity(explanation: Explanation) -> Row | None:
    if not explanation.parity:
        return None
    cosine = {member_id: one.cosine for member_id, one in explanation.parity.items()}
    worst = max(explanation.parity.values(), key=lambda one: one.max_abs)
    least = min(cosine.values())
    answer, mood = ("yes", YES) if least >= 0.99 else ("nearly", YES) if least >= COSINE else ("no", NO)
    return Row(
        "Are these the originals' Grad-CAMs?",
        answer,
        mood,
        f"cosine {_listed(cosine, '.4f')}; largest difference {worst.max_abs:.2%} of the peak",
    )


def _sums(explanation: Explanation) -> Row | None:
    parts = []
    if explanation.regions is not None:
        parts.append(f"Shapley values miss the probability by {abs(explanation.regions.gap):.1g}")
    if explanation.completeness:
        parts.append(f"GradientShap's gap in log-odds: {_listed(explanation.completeness)}")
    return Row("Do the attributions add up?", "", NONE, "; ".join(parts)) if parts else None


def _steady(trust: Trust) -> Row | None:
    parts = []
    if trust.sensitivity:
        parts.append(f"sensitivity {_listed(trust.sensitivity)}")
    if trust.infidelity:
        parts.append(f"infidelity {_listed(trust.infidelity, '.2g')}")
    return Row("Is the map steady?", "", NONE, f"lower is better: {'; '.join(parts)}") if parts else None


def _listed(values: Mapping[str, float], form: str = ".2f") -> str:
    return ", ".join(f"{name} {_signed(value, form)}" for name, value in values.items())


def _signed(value: float, form: str = ".2f") -> str:
    return f"{value:{form}}".replace("-", "\u2212")
