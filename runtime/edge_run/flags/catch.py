"""What a bundle's flags catch, in one sentence, from the figures that its manifest stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.metrics.clopper_pearson import interval

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Evaluation, FlagThresholds, Manifest


class FlagCatch(NamedTuple):
    """Answers and flags on the scans that the thresholds were fitted on.

    Attributes
    ----------
    flagged
        Scans that a fitted flag marks.
    wrong, caught
        Wrong answers, and those of them that are flagged.
    bound
        Upper 95 % confidence bound on the share of patients with a wrong answer without a flag; None: not measured.
    """

    scans: int
    flagged: int
    wrong: int
    caught: int
    bound: float | None

    def sentence(self) -> str:
        """Say what is caught and what is left, with 95 % intervals by Clopper and Pearson (1934)."""
        kept, missed = self.scans - self.flagged, self.wrong - self.caught
        caught = (
            f"and catch {_of(self.caught, self.wrong, 'wrong answers')}" if self.wrong else "and no answer is wrong"
        )
        left = _of(missed, kept, "are wrong") if kept else "there are none"
        parts = [
            f"the flags mark {self.flagged} of {self.scans} scans {caught}",
            f"of the answers without a flag, {left}",
        ]
        if self.bound is not None and kept:
            parts.append(f"at 95 % confidence, at most {self.bound:.1%} of patients have a wrong answer without a flag")
        return "; ".join(parts)


def flag_catch(evaluation: Evaluation | None, thresholds: FlagThresholds) -> FlagCatch | None:
    """Count from stored figures: the share flagged, the error among the others, and the accuracy of all.

    Returns
    -------
    None where a figure is not stored, or they do not fit together.
    """
    accuracy = evaluation.figures.get("accuracy") if evaluation else None
    if evaluation is None or accuracy is None or accuracy.value is None or not evaluation.scans:
        return None
    scans = evaluation.scans
    flagged = round(thresholds.rate * scans)
    if thresholds.error is None and flagged < scans:
        return None
    wrong = round((1 - accuracy.value) * scans)
    caught = wrong - round((thresholds.error or 0.0) * (scans - flagged))
    fits = 0 <= caught <= flagged <= scans
    return FlagCatch(scans, flagged, wrong, caught, thresholds.error_bound) if fits else None


def flag_line(manifest: Manifest, precision: str) -> str:
    """Describe the flags at one precision in a line: their target, what they catch and what they leave."""
    thresholds = manifest.flags[precision]
    found = flag_catch(manifest.evaluation.get(precision), thresholds)
    what = found.sentence() if found else f"{thresholds.rate:.1%} of the scans flagged; what they catch is not stored"
    return f"flags {precision}: {thresholds.target}; {what}"


def _of(part: int, whole: int, what: str) -> str:
    low, high = interval(part, whole)
    return f"{part} of {whole} {what} ({part / whole:.1%}, 95 % interval {low:.1%} to {high:.1%})"
