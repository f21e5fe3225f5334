"""The text on a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .lettering import ALARM, FAINT_INK, INK

if TYPE_CHECKING:
    from edge_run.bundle.manifest import BundleMember, Manifest
    from edge_run.voting.prediction import Decision

    from .lettering import Colour
    from .maps import Maps


class Line(NamedTuple):
    """A line of text, which is wrapped at the picture's width; ``larger`` multiplies the size of its letters."""

    text: str
    colour: Colour = INK
    bold: bool = False
    larger: float = 1.0

    def size(self, text: int) -> int:
        """Return the size of its letters in pixels, ``text`` being that of the picture's."""
        return round(self.larger * text)


def headline(decision: Decision, manifest: Manifest) -> list[Line]:
    """Write the answer, its probability or the interval of it, and the flags."""
    probability, early = f"{decision.probability:.1%}", []
    if decision.interval is not None:
        low, high = decision.interval
        probability = f"between {low:.1%} and {high:.1%}"
        answered, members = len(decision.members), len(manifest.members)
        early = [Line(f"{answered} of {members} members answered: the others could not change the label.")]
    lines = [Line(f"{decision.label}  {probability}", bold=True, larger=1.9), *early]
    lines += [Line(f"flag: {flag.reason} ({flag.name})", ALARM, bold=True) for flag in decision.flags]
    return lines


def vote_caption(maps: Maps, manifest: Manifest) -> str:
    """Write what the map beside the scan is."""
    return f"heatmap of the vote ({len(maps.members)} of {len(manifest.members)} members)"


def member_caption(member: BundleMember, decision: Decision, label: str) -> str:
    """Write a member's probability of a class, and its weight."""
    for vote in decision.members:
        if vote.id == member.id:
            return f"{label} {vote.probabilities[label]:.1%}, weight {vote.weight:.2f}"
    return f"did not answer, weight {member.weight:.2f}"


def footer(maps: Maps, manifest: Manifest) -> list[Line]:
    """Write how to read the picture, and what it must not be used for."""
    height, width = maps.ensemble.shape
    reading = (
        f"Orange is evidence for {maps.label}, blue is evidence against it; where the scan is grey there is neither. "
        "Lines surround what exceeds half of the scale: solid for, dashed against. All maps have one scale. "
        "The mean of a map is the log-odds that the member votes with, but for a constant. The networks see "
        f"{width} x {height} places; finer detail of the colours is interpolation."
    )
    return [Line(reading, FAINT_INK), Line(f"{manifest.name}: {manifest.card.intended_use}", FAINT_INK)]
