"""Certified early exit inside Triton: the members are asked stage by stage until the answer is certain.

This file is copied into a model repository and runs in Triton's Python backend, which has NumPy but not edge-run. Its
rules are those of :mod:`edge_run.voting` and :func:`edge_run.ensemble.decision.decision_of`; a test compares the two.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import numpy as np
import triton_python_backend_utils as pb_utils

MARGIN = 1e-9


class Refused(Exception):  # noqa: N818 - it carries Triton's own error
    """A member did not answer."""


class Rules(NamedTuple):
    """When an answer is certain: the operating point, and the threshold of the flag for low confidence."""

    positive: int
    threshold: float | None
    low_confidence: float


class TritonPythonModel:
    """A model of Triton's Python backend."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the plan that stands in the configuration."""
        plan = json.loads(json.loads(args["model_config"])["parameters"]["early_exit"]["string_value"])
        self.stages, self.classes, self.rules = plan["stages"], plan["classes"], Rules(**plan["rules"])

    async def execute(self, requests: list[Any]) -> list[Any]:
        """Answer requests side by side."""
        return list(await asyncio.gather(*(self._answer(request) for request in requests)))

    async def _answer(self, request: Any) -> Any:  # noqa: ANN401
        (scans,) = (tensor.as_numpy() for tensor in request.inputs())
        try:
            answers = await self._vote(scans)
        except Refused as refused:
            return pb_utils.InferenceResponse(error=refused.args[0])
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, array) for name, array in answers.items()])

    async def _vote(self, scans: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask stage after stage about the scans that are not decided yet."""
        count, members = len(scans), sum(map(len, self.stages))
        low, weight = np.zeros((count, self.classes)), np.zeros((count, 1))
        asked, label = np.zeros((count, 1), np.int64), np.full((count, 1), -1, np.int64)
        for stage in self.stages:
            rows = np.flatnonzero(label[:, 0] < 0)
            if not len(rows):
                break
            answers = await asyncio.gather(*(self._ask(member, scans[rows]) for member in stage))
            for member, probabilities in zip(stage, answers):  # noqa: B905 - Triton may have Python 3.8
                low[rows] += member["weight"] * probabilities
                weight[rows] += member["weight"]
                asked[rows] += 1
            for row in rows:
                complete = bool(asked[row, 0] == members)
                label[row] = decide(low[row], 1.0 - float(weight[row, 0]), self.rules, complete=complete)
        high = low + np.where(asked == members, 0.0, np.maximum(0.0, 1.0 - weight))
        return {"probabilities": low / weight, "label": label, "low": low, "high": high, "members": asked}

    async def _ask(self, member: dict[str, Any], scans: Any) -> Any:  # noqa: ANN401
        """Return a member's calibrated probabilities, ``[N, classes] float64``."""
        tensor = pb_utils.Tensor("scan", scans)
        request = pb_utils.InferenceRequest(
            model_name=member["model"], requested_output_names=["logits"], inputs=[tensor]
        )
        answer = await request.async_exec()
        if answer.has_error():
            raise Refused(answer.error())
        logits = pb_utils.get_output_tensor_by_name(answer, "logits").as_numpy().astype(np.float64)
        scaled = logits / member["temperature"]
        exponent = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return exponent / exponent.sum(axis=-1, keepdims=True)


def decide(low: Any, missing: float, rules: Rules, *, complete: bool) -> int:  # noqa: ANN401
    """Return the class that the whole vote will give out; -1 where missing members could change it or a flag.

    Parameters
    ----------
    low
        ``[classes]``: the weighted sum of the answers so far.
    missing
        The weight of the members that have not answered.
    complete
        Whether all have.
    """
    positive, threshold = rules.positive, rules.threshold if len(low) == 2 else None
    if complete:
        if threshold is None:
            return int(low.argmax())
        return positive if low[positive] >= threshold else 1 - positive
    high = low + max(0.0, missing)
    certain_flag = (low >= rules.low_confidence + MARGIN).any() or (high <= rules.low_confidence - MARGIN).all()
    if not certain_flag:
        return -1
    if threshold is not None:
        if low[positive] >= threshold + MARGIN:
            return positive
        return 1 - positive if high[positive] <= threshold - MARGIN else -1
    leader = int(low.argmax())
    return leader if (low[leader] >= np.delete(high, leader) + MARGIN).all() else -1
