"""Turn figures of trust into warnings that a clinician understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_explain.explanation import Curve, MapParity

OUTSIDE_BODY = 0.2
"""Largest share of the evidence outside the body without a warning; a 7 x 7 map is so coarse at the skin."""
BORDER = 0.36
"""Largest share of the evidence on the outer tenth: the share of the scan that this border has."""
RANDOMISATION = 0.5
"""Largest rank correlation with the map of the same network with shuffled weights."""
COSINE = 0.9
"""Smallest cosine similarity of the compiled member's map and its original's."""
DIFFERENCE = 0.1
"""Smallest change of the probability at which the curves are worth reading."""


def curve_warnings(insertion: Curve, deletion: Curve) -> list[str]:
    """Warn where the map is no better than chance at finding what the answer depends on."""
    probabilities = (*insertion.probabilities, *deletion.probabilities)
    if max(probabilities) - min(probabilities) < DIFFERENCE:
        return [
            "The probability hardly changes, whatever is blurred: the insertion and deletion tests show little here."
        ]
    warnings = []
    if insertion.area <= insertion.random_area + insertion.random_deviation:
        warnings.append("Showing the marked places first restores the answer no faster than showing random places.")
    if deletion.area >= deletion.random_area - deletion.random_deviation:
        warnings.append("Hiding the marked places first changes the answer no faster than hiding random places.")
    return warnings


def location_warnings(outside_body: float, border: float) -> list[str]:
    """Warn where the evidence lies outside the patient."""
    warnings = []
    if outside_body > OUTSIDE_BODY:
        warnings.append(
            f"{outside_body:.0%} of the evidence lies outside the body: the networks may have learnt a shortcut."
        )
    if border > BORDER:
        warnings.append(
            f"{border:.0%} of the evidence lies on the outer border of the scan, which is {BORDER:.0%} of its area: "
            "look for letters, markers or cut edges there."
        )
    return warnings


def randomisation_warnings(correlations: Mapping[str, float]) -> list[str]:
    """Warn of maps that do not depend on what the network has learnt."""
    unchanged = [member_id for member_id, value in correlations.items() if value > RANDOMISATION]
    if not unchanged:
        return []
    return [f"The map of {_names(unchanged)} hardly changes when the network's weights are shuffled."]


def agreement_warnings(correlations: Mapping[str, float]) -> list[str]:
    """Warn of members that mark opposite places."""
    apart = [pair for pair, value in correlations.items() if value < 0]
    return [f"These networks mark different places: {'; '.join(apart)}."] if apart else []


def originals_warnings(label: str, original: str, parity: Mapping[str, MapParity]) -> list[str]:
    """Warn where the compiled networks differ from the originals that are explained."""
    warnings = []
    if original != label:
        warnings.append(
            f"The originals answer {original}, the compiled ensemble {label}: the answer is close to its threshold."
        )
    unlike = [member_id for member_id, compared in parity.items() if compared.cosine < COSINE]
    if unlike:
        warnings.append(f"The compiled map of {_names(unlike)} differs from its original's.")
    return warnings


def _names(member_ids: list[str]) -> str:
    return " and ".join(member_ids) if len(member_ids) < 3 else f"{', '.join(member_ids[:-1])} and {member_ids[-1]}"
