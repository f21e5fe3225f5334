"""Keep residual sums, then the layers that suffer most, in float, until the artefact decides as its original does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from edge_export.reporter import Reporter

from .artefact import Candidate, build_artefact
from .gate import in_words
from .sensitivity import LayerError, rank_layers

if TYPE_CHECKING:
    from edge_export.scans.export_scans import ExportScans

    from .precisions import Recipe
    from .trained_member import TrainedMember

RANKING_SCANS = 16


class FloatFallback:
    """Repairs the quantised artefacts of one member by keeping layers in float; a ranking is computed once and kept.

    Parameters
    ----------
    reporter
        Receives the figure that starts a repair, and the progress of the ranking.
    """

    def __init__(
        self,
        original: TrainedMember,
        scans: ExportScans,
        reporter: Reporter = Reporter(),  # noqa: B008 - immutable
    ) -> None:
        self._original, self._scans, self._reporter = original, scans, reporter
        self._rankings: dict[tuple[str, bool], list[LayerError]] = {}

    def ranking(self, recipe: Recipe, method: str) -> list[LayerError]:
        """All convolutions, the most sensitive first; judged on training scans, since the gate needs the others."""
        key = method, recipe.symmetric
        if key not in self._rankings:
            scans = self._scans.calibration
            some = scans[np.linspace(0, len(scans) - 1, min(RANKING_SCANS, len(scans))).astype(int)]
            ranges = self._original.ranges[method]
            progress = self._reporter.progress(f"{self._original.id}: ranking layers")
            self._rankings[key] = rank_layers(
                self._original.fp32, ranges, some, symmetric=recipe.symmetric, progress=progress
            )
        return self._rankings[key]

    def keep_more(self, precision: str, recipe: Recipe, failing: Candidate) -> Candidate | None:
        """Build the artefact again with more in float: first the residual sums, then one layer, two, four, ...

        The sums come first because they cost little time and, in a deep network, most of the error.

        Returns
        -------
        None where all is in float already.
        """
        sums = self._sums()
        if len(failing.float_layers) < len(sums):
            more = sums
        else:
            layers = [error.layer for error in self.ranking(recipe, failing.method)]
            kept = len(failing.float_layers) - len(sums)
            if kept == len(layers):
                return None
            more = (*sums, *layers[: min(len(layers), max(1, 2 * kept))])
        return build_artefact(self._original, precision, recipe, self._scans, method=failing.method, float_layers=more)

    def _sums(self) -> tuple[str, ...]:
        return tuple(node.name for node in onnx.load(self._original.fp32).graph.node if node.op_type == "Add")

    def repair(self, precision: str, recipe: Recipe, candidate: Candidate) -> Candidate:
        """Return the artefact as it is if its gate passes, else with as few layers in float as let it pass."""
        while not candidate.gate.passed:
            failed = in_words(candidate.gate)
            self._reporter.say(f"{self._original.id} {precision}: {failed}; keeping more layers in float")
            better = self.keep_more(precision, recipe, candidate)
            if better is None:
                return candidate
            candidate = better
        return candidate
