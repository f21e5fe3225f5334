"""Cases of the log in the words of the page."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_run.flags import cause_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_run.bundle.manifest import Manifest

    Case = Mapping[str, Any]

AGREE, DISAGREE, UNSURE = "agree", "disagree", "unsure"
UNSURE_REMARK = "unsure"
"""How the remark of a note begins whose reviewer could not tell."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class FlagWords(NamedTuple):
    """A flag: its name as words, why it was raised, and what usually causes it (may be empty)."""

    title: str
    reason: str
    cause: str


class MemberWords(NamedTuple):
    """One member's answer.

    Attributes
    ----------
    label, probability
        What it answers by itself; None where it did not need to answer.
    side
        ``for`` where it answers the positive class of two, ``against`` where the other, ``neutral`` otherwise.
    differs
        Its answer is another one than the vote's.
    """

    id: str
    weight: float
    label: str | None
    probability: float | None
    side: str
    differs: bool


class CaseWords(NamedTuple):
    """A case as the page shows it.

    Attributes
    ----------
    when, age
        Date and time in UTC, and how long ago that was.
    probability
        ``97.3 %``, or ``81 % to 97 %`` after an early exit.
    certified
        What the interval means, where not all members answered; else empty.
    side
        As for a member.
    verdict
        What the newest note says: ``agree``, ``disagree``, ``unsure``, ``note``, or empty where there is none.
    noted
        The label that it notes, or None.
    """

    id: str
    seq: int
    utc: str
    when: str
    age: str
    label: str
    probability: str
    certified: str
    side: str
    flags: tuple[FlagWords, ...]
    verdict: str
    noted: str | None


def case_words(case: Case, manifest: Manifest, now: datetime | None = None) -> CaseWords:
    """Put a case into words."""
    verdict, noted = verdict_of(case)
    return CaseWords(
        id=case["id"],
        seq=case["seq"],
        utc=case["utc"],
        when=case["utc"][:16].replace("T", " "),
        age=age(case["utc"], now or datetime.now(timezone.utc)),
        label=case["label"],
        probability=_probability(case),
        certified=_certified(case, manifest),
        side=_side(case["label"], manifest),
        flags=tuple(
            FlagWords(flag["name"].replace("-", " "), flag["reason"], cause_of(flag["name"])) for flag in case["flags"]
        ),
        verdict=verdict,
        noted=noted,
    )


def member_words(case: Case, manifest: Manifest) -> tuple[MemberWords, ...]:
    """Put the members of a case into words; those of its bundle that did not need to answer come last."""
    rows = []
    for member in case["members"]:
        probabilities: dict[str, float] = member["probabilities"]
        # Cases that edge-run 0.1 logged do not name it: there it is the most probable one.
        label = member.get("label") or max(probabilities, key=probabilities.__getitem__)
        rows.append(
            MemberWords(
                member["id"],
                member["weight"],
                label,
                probabilities[label],
                _side(label, manifest),
                differs=label != case["label"],
            )
        )
    answered = {row.id for row in rows}
    if case["interval"] and _same_members(answered, manifest):
        rows += [
            MemberWords(member.id, member.weight, None, None, "neutral", differs=False)
            for member in manifest.members
            if member.id not in answered
        ]
    return tuple(rows)


def verdict_of(case: Case) -> tuple[str, str | None]:
    """Return what the newest note of a case says about its answer, and the label that it notes."""
    if not case["notes"]:
        return "", None
    last = case["notes"][-1]
    if last["label"] is not None:
        return (AGREE if last["label"] == case["label"] else DISAGREE), last["label"]
    return (UNSURE if last["remark"].partition(":")[0] == UNSURE_REMARK else "note"), None


def age(utc: str, now: datetime) -> str:
    """Write how long ago a time of the log was, like ``5 min``, ``3 h``, ``2 days``."""
    try:
        seconds = (now - datetime.fromisoformat(utc.replace("Z", "+00:00"))).total_seconds()
    except (ValueError, TypeError):
        return "unknown"
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h"
    days = int(seconds // _DAY)
    return f"{days} day{'s' if days != 1 else ''}"


def other_labels(case: Case) -> Sequence[str]:
    """List the labels that a reviewer who disagrees can mean."""
    return [label for label in case["probabilities"] if label != case["label"]]


def _probability(case: Case) -> str:
    if case["interval"]:
        low, high = case["interval"]
        return f"{low:.0%} to {high:.0%}"
    return f"{case['probability']:.1%}"


def _certified(case: Case, manifest: Manifest) -> str:
    if not case["interval"]:
        return ""
    low, high = case["interval"]
    answered = {member["id"] for member in case["members"]}
    count = f"{len(answered)} of {len(manifest.members)}" if _same_members(answered, manifest) else str(len(answered))
    return (
        f"Stopped early: {count} members answered, and the others cannot change the label. "
        f"The whole vote lies between {low:.1%} and {high:.1%}."
    )


def _same_members(answered: set[str], manifest: Manifest) -> bool:
    """Whether all members that answered are of this bundle: a log may hold the cases of several."""
    return answered <= {member.id for member in manifest.members}


def _side(label: str, manifest: Manifest) -> str:
    task = manifest.task
    if len(task.labels) != 2 or label not in task.labels:
        return "neutral"
    return "for" if label == task.positive else "against"
