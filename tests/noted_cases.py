"""Drawn answers whose logits are miscalibrated in a known way, and notes about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.cases.ids import now_ms, utc
from edge_run.voting.prediction import Decision, Flag, MemberVote, Prediction, Source
from edge_run.voting.vote import softmax, vote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.cases import CaseLog


def draw(
    scans: int, *, members: int = 4, skill: float = 0.7, scale: float = 10.0, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits ``[M, N, 2]`` that are ``scale`` times too large, and the truth ``[N]``; class 0 is positive."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(scans) % 2)
    # Members err together, as networks trained on the same scans do: their vote is hardly surer than one of them.
    noise = np.sqrt(0.8) * rng.normal(size=scans) + np.sqrt(0.2) * rng.normal(size=(members, scans))
    evidence = skill * (2 * truth - 1) + noise
    return scale * np.stack([-evidence, evidence], axis=2), truth


def answer_of(
    bundle: Bundle, logits: NDArray[np.float64], *, precision: str = "int8-cpu", **more: object
) -> Prediction:
    """What a bundle's vote says to logits ``[M, 2]``; keywords change the prediction."""
    manifest = bundle.manifest
    probabilities = [
        softmax(row, member.artefacts[precision].temperature)
        for row, member in zip(logits, manifest.members, strict=True)
    ]
    voted = vote(np.stack(probabilities), [member.weight for member in manifest.members])
    said = dict(zip(bundle.labels, map(float, voted), strict=True))
    label = max(said, key=said.__getitem__)
    members = tuple(
        MemberVote(m.id, m.arch, m.weight, label, 0.5, dict(zip(bundle.labels, map(float, p), strict=True)), tuple(row))
        for m, p, row in zip(manifest.members, probabilities, logits.tolist(), strict=True)
    )
    interval, scan = more.get("interval"), str(more["scan"])
    return Prediction(
        path="",
        decision=Decision(
            label=label,
            probability=said[label],
            probabilities=said,
            interval=interval,  # type: ignore[arg-type]
            flags=(Flag("blank", "drawn"),) if more.get("blank") else (),
            members=members[:1] if interval else members,
            measures={"score": float(voted[0])},
        ),
        source=Source("toy", str(more.get("bundle_sha256", bundle.sha256)), precision, "cpu", "0"),
        scan_sha256=scan,
        steps=(),
        timing_ms={"read": 1.0, "infer": 1.0},
    )


def note(log: CaseLog, case: str, label: str | None, remark: str = "drawn") -> None:
    """As ``cases note`` does, without looking the case up."""
    with log.writing():
        log.add({"kind": "note", "id": case, "utc": utc(now_ms()), "label": label, "remark": remark})
