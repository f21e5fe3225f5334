"""What there is to warn of, in words a clinician reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_explain.explanation import Curve, MapParity

OUTSIDE_BODY = 0.2
"""Largest share of the evidence outside the body without a warning: a 7 x 7 map is that coarse at the skin."""
BORDER = 0.36
"""Of the evidence on the outer tenth: that border's share of the scan, which evidence without a place would have."""
RANDOMISATION = 0.5
"""Largest rank correlation with the map of a network that has forgotten all."""
COSINE = 0.9
"""Least likeness of the compiled member's map and its original's."""
DIFFERENCE = 0.1
"""Least effect of blurring anything that makes the curves worth reading."""


def of_curves(insertion: Curve, deletion: Curve) -> list[str]:
    """The map is no better than chance at finding what the answer rests on."""
    seen = (*insertion.probabilities, *deletion.probabilities)
    if max(seen) - min(seen) < DIFFERENCE:
        return ["Whatever is blurred, the probability hardly changes: hiding parts of the scan shows little here."]
    found = []
    if insertion.area <= insertion.random_area + insertion.random_deviation:
        found.append("Showing the marked places first brings the answer back no faster than showing random ones.")
    if deletion.area >= deletion.random_area - deletion.random_deviation:
        found.append("Hiding the marked places first changes the answer no faster than hiding random ones.")
    return found


def of_place(outside_body: float, border: float) -> list[str]:
    """The evidence lies where there is no patient."""
    found = []
    if outside_body > OUTSIDE_BODY:
        found.append(
            f"{outside_body:.0%} of the evidence lies outside the body: the networks may have learnt a shortcut."
        )
    if border > BORDER:
        found.append(
            f"{border:.0%} of the evidence lies on the outer border of the scan, which is {BORDER:.0%} of its area: "
            "look for letters, markers or cut edges there."
        )
    return found


def of_randomisation(correlations: Mapping[str, float]) -> list[str]:
    """A map is the same whatever the network has learnt."""
    alike = [member_id for member_id, value in correlations.items() if value > RANDOMISATION]
    if not alike:
        return []
    return [f"The map of {_names(alike)} looks much the same when the network's weights are shuffled."]


def of_agreement(correlations: Mapping[str, float]) -> list[str]:
    """Members look at opposite places."""
    apart = [pair for pair, value in correlations.items() if value < 0]
    return [f"These networks look at different places: {'; '.join(apart)}."] if apart else []


def of_originals(label: str, original: str, parity: Mapping[str, MapParity]) -> list[str]:
    """The bedside's networks are not quite the originals that are explained."""
    found = []
    if original != label:
        found.append(f"The originals answer {original}, the compiled ensemble {label}: the answer hangs by a thread.")
    unlike = [member_id for member_id, compared in parity.items() if compared.cosine < COSINE]
    if unlike:
        found.append(f"The compiled map of {_names(unlike)} differs from its original's.")
    return found


def _names(member_ids: list[str]) -> str:
    return " and ".join(member_ids) if len(member_ids) < 3 else f"{', '.join(member_ids[:-1])} and {member_ids[-1]}"
