"""What stands on a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .lettering import ALARM, FAINT_INK, INK

if TYPE_CHECKING:
    from edge_run.bundle.manifest import BundleMember, Manifest
    from edge_run.voting.prediction import Decision

    from .lettering import Colour
    from .maps import Maps


class Line(NamedTuple):
    """A line of text, broken where the picture ends; ``larger`` than the picture's letters by a factor."""

    text: str
    colour: Colour = INK
    bold: bool = False
    larger: float = 1.0

    def size(self, text: int) -> int:
        """Of its letters, pixels."""
        return round(self.larger * text)


def headline(decision: Decision, manifest: Manifest) -> list[Line]:
    """Answer, how sure it is, and the flags."""
    lines = [Line(f"{decision.label}  {decision.probability:.1%}", bold=True, larger=1.9)]
    answered, members = len(decision.members), len(manifest.members)
    if decision.interval is not None:
        low, high = decision.interval
        lines.append(
            Line(
                f"{answered} of {members} members answered: the others could not change the label. "
                f"All of them would give {low:.1%} to {high:.1%}."
            )
        )
    lines += [Line(f"flag: {flag.reason} ({flag.name})", ALARM, bold=True) for flag in decision.flags]
    return lines


def said(member: BundleMember, decision: Decision, label: str) -> str:
    """What a member answered about a label, and its weight."""
    for vote in decision.members:
        if vote.id == member.id:
            return f"{label} {vote.probabilities[label]:.1%}, weighs {vote.weight:.2f}"
    return f"did not answer, weighs {member.weight:.2f}"


def foot(maps: Maps, manifest: Manifest) -> list[Line]:
    """How to read the picture, and what it is not for."""
    height, width = maps.ensemble.shape
    reading = (
        f"Orange speaks for {maps.label}, blue against it; where the scan keeps its grey, neither. Lines go round what "
        "is beyond half of the scale: unbroken for, dashed against. One scale for all maps, whose mean is, but for a "
        f"constant, the log-odds that is voted with. The networks see {width} x {height} places; what is finer here is "
        "smoothing."
    )
    return [Line(reading, FAINT_INK), Line(f"{manifest.name}: {manifest.card.intended_use}", FAINT_INK)]
