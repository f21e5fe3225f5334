"""The first page: what was answered, by whom, and where they looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.heatmap import limit
from edge_run.voting.vote import decide

from .html import Markup, el, join
from .pictures import LARGE, mapped, picture, scale, sized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_explain.explanation import Explanation
    from edge_run.bundle.manifest import Manifest


def warnings(explanation: Explanation, manifest: Manifest) -> Markup | None:
    """What a reader must know first."""
    decision, task = explanation.prediction.decision, manifest.task
    voted = [explanation.originals[label] for label in task.labels]
    original = task.labels[int(decide(voted, positive=task.labels.index(task.positive), threshold=task.threshold))]
    loud = None
    if original != decision.label:
        loud = el(
            "div",
            el("b", "The compiled networks and their originals answer differently."),
            f"Compiled: {decision.label} {decision.probability:.1%}. Originals: {original} "
            f"{explanation.originals[original]:.1%}. Rest nothing on this answer, nor on its explanation.",
            class_="alarm",
            role="alert",
        )
    cares = [el("li", warning) for warning in explanation.trust.warnings]
    care = el("div", el("h3", "Read this explanation with care"), el("ul", *cares), class_="care") if cares else None
    return join([loud, care])


def verdict(explanation: Explanation, manifest: Manifest) -> Markup:
    """Label, probability, flags; what each member says and weighs."""
    decision = explanation.prediction.decision
    others = ", ".join(f"{label} {p:.1%}" for label, p in decision.probabilities.items() if label != decision.label)
    flags = [el("li", flag.reason, " ", el("span", f"({flag.name})", class_="soft")) for flag in decision.flags]
    left = el(
        "div",
        el("h2", "The answer"),
        el("p", decision.label, " ", el("small", f"{decision.probability:.1%}"), class_="answer"),
        _meter(decision.probabilities[explanation.label], _threshold(explanation, manifest)),
        el("p", _probability_in_words(explanation, manifest, others), class_="soft"),
        _interval(explanation, manifest),
        _compiled_and_original(explanation),
        el("h3", "Flagged for a person, because") if flags else el("p", "No flag was raised."),
        el("ul", *flags, class_="flags") if flags else None,
    )
    return el("section", left, _members(explanation, manifest), class_="verdict")


def maps(explanation: Explanation, manifest: Manifest) -> Markup:
    """The scan, the ensemble's map and the members', on one scale."""
    pixels, label = explanation.scan.pixels, explanation.label
    members = calibrated(explanation, manifest)
    weights = [member.weight for member in manifest.members if member.id in members]
    end = limit(list(members.values()), weights)
    height, width = pixels.shape
    rows, columns = explanation.ensemble_map.shape
    large = [
        el(
            "figure",
            picture(sized(pixels, LARGE), "the scan"),
            el("figcaption", f"The scan, {width} \u00d7 {height} pixels."),
        ),
        el(
            "figure",
            mapped(
                pixels,
                explanation.ensemble_map,
                end,
                f"where the ensemble found evidence for {label} and against it",
                longest=LARGE,
                line=2,
            ),
            el(
                "figcaption",
                el("b", "The ensemble. "),
                f"Lines: beyond half of the scale, unbroken for {label}, dashed against. The networks see "
                f"{columns} \u00d7 {rows} places; what is finer is smoothing.",
            ),
        ),
    ]
    small = [_member_map(explanation, member_id, values, end) for member_id, values in members.items()]
    return el(
        "section",
        el("div", el("h2", "Where the networks looked"), scale(end, label, "log-odds"), class_="head"),
        el("div", *large, class_="two"),
        el("div", *small, class_="many"),
    )


def worth(manifest: Manifest) -> Markup:
    """What the bundle is for, and its limits."""
    card = manifest.card
    return el(
        "section",
        el("p", el("b", "What the answer is worth. "), card.intended_use, " ", card.licence),
        el("p", el("b", "Limits. "), " ".join(card.limits)),
        class_="soft",
    )


def calibrated(explanation: Explanation, manifest: Manifest) -> dict[str, NDArray[np.float32]]:
    """Members' maps in the unit of the ensemble's: divided by their temperatures."""
    precision = explanation.prediction.source.precision
    return {
        member.id: explanation.maps[member.id] / np.float32(member.artefacts[precision].temperature)
        for member in manifest.members
        if member.id in explanation.maps
    }


def _member_map(explanation: Explanation, member_id: str, values: NDArray[np.float32], end: float) -> Markup:
    said = {vote.id: vote for vote in explanation.prediction.decision.members}.get(member_id)
    caption = f" {said.probabilities[explanation.label]:.0%}, weighs {said.weight:.2f}" if said else " did not vote"
    return el(
        "figure",
        mapped(explanation.scan.pixels, values, end, f"map of {member_id}"),
        el("figcaption", el("b", member_id), caption),
    )


def _members(explanation: Explanation, manifest: Manifest) -> Markup:
    label, votes = explanation.label, {vote.id: vote for vote in explanation.prediction.decision.members}
    heads = (("Member", ""), (label, "n"), ("", ""), ("Weighs", "n"), ("Map = Grad-CAM", "n"))
    rows = []
    for member in manifest.members:
        vote, parity = votes.get(member.id), explanation.parity.get(member.id)
        p = vote.probabilities[label] if vote else None
        rows.append(
            el(
                "tr",
                el("td", member.id),
                el("td", f"{p:.1%}" if p is not None else "did not answer", class_="n"),
                el("td", _meter(p, None) if p is not None else ""),
                el("td", f"{member.weight:.2f}", class_="n"),
                el("td", f"{parity.cosine:.4f}" if parity else "\u2013", class_="n"),
            )
        )
    return el(
        "div",
        el("h2", "What each member says"),
        el(
            "table",
            el("thead", el("tr", *(el("th", name, class_=kind or None, scope="col") for name, kind in heads))),
            el("tbody", *rows),
            class_="members",
        ),
        el(
            "p",
            f"Calibrated probability of {label}. Last column: cosine of the bedside\u2019s map and Captum\u2019s "
            "Grad-CAM of the original.",
            class_="soft",
        ),
    )


def _probability_in_words(explanation: Explanation, manifest: Manifest, others: str) -> str:
    threshold = _threshold(explanation, manifest)
    mark = f"; the mark is {threshold:.1%}, from where on the answer is {explanation.label}" if threshold else ""
    return f"Calibrated; {others}. The bar shows {explanation.label}{mark}."


def _threshold(explanation: Explanation, manifest: Manifest) -> float | None:
    task = manifest.task
    if task.threshold is None or len(task.labels) != 2:
        return None
    return task.threshold if explanation.label == task.positive else 1 - task.threshold


def _interval(explanation: Explanation, manifest: Manifest) -> Markup | None:
    decision = explanation.prediction.decision
    if decision.interval is None:
        return None
    low, high = decision.interval
    return el(
        "p",
        f"{len(decision.members)} of {len(manifest.members)} members answered, which settled the label. "
        f"All of them would give it {low:.1%} to {high:.1%}.",
    )


def _compiled_and_original(explanation: Explanation) -> Markup | None:
    label = explanation.prediction.decision.label
    if label not in explanation.originals:
        return None
    source = explanation.prediction.source
    return el(
        "p", f"The PyTorch originals give {label} {explanation.originals[label]:.1%} ({source.precision} answered)."
    )


def _meter(p: float, mark: float | None) -> Markup:
    return el(
        "div",
        el("b", style=f"width:{p:.1%}"),
        el("i", style=f"left:{mark:.1%}") if mark is not None else None,
        class_="meter",
        aria_hidden="true",
    )
