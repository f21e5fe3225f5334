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
    from pathlib import Path

    from edge_export.graphs.ranges import Ranges
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
    kept
        Layers that are in float whatever the gate says.
    """

    def __init__(
        self,
        original: TrainedMember,
        scans: ExportScans,
        reporter: Reporter = Reporter(),  # noqa: B008 - immutable
        *,
        kept: tuple[str, ...] = (),
    ) -> None:
        self._original, self._scans, self._reporter, self._kept = original, scans, reporter, kept
        self._rankings: dict[tuple[str, bool], list[LayerError]] = {}

    def ranking(self, recipe: Recipe, method: str) -> list[LayerError]:
        """All convolutions, the most sensitive first; judged on training scans, since the gate needs the others."""
        key = method, recipe.symmetric
        if key not in self._rankings:
            scans = self._scans.calibration
            some = scans[np.linspace(0, len(scans) - 1, min(RANKING_SCANS, len(scans))).astype(int)]
            fp32, ranges = self._ranked(method)
            progress = self._reporter.progress(f"{self._original.id}: ranking layers")
            self._rankings[key] = rank_layers(
                fp32, ranges, some, symmetric=recipe.symmetric, kept=self._kept, progress=progress
            )
        return self._rankings[key]

    def keep_more(self, precision: str, recipe: Recipe, failing: Candidate) -> Candidate | None:
        """Build the artefact again with more in float: first the residual sums, then one layer, two, four, ...

        The sums come first because they cost little time and, in a deep network, most of the error.

        Returns
        -------
        None where all is in float already.
        """
        always = (*self._kept, *self._sums())
        if len(failing.float_layers) < len(always):
            more = always
        else:
            layers = [error.layer for error in self.ranking(recipe, failing.method)]
            added = len(failing.float_layers) - len(always)
            if added == len(layers):
                return None
            more = (*always, *layers[: min(len(layers), max(1, 2 * added))])
        return self.build(precision, recipe, failing.method, more)

    def build(self, precision: str, recipe: Recipe, method: str, float_layers: tuple[str, ...]) -> Candidate:
        """Build and judge an artefact that has these layers in float."""
        return build_artefact(self._original, precision, recipe, self._scans, method=method, float_layers=float_layers)

    def _ranked(self, method: str) -> tuple[Path, Ranges]:
        """Return the float graph whose layers are ranked, and the ranges of its tensors."""
        return self._original.fp32, self._original.ranges[method]

    def _sums(self) -> tuple[str, ...]:
        nodes = onnx.load(self._original.fp32).graph.node
        return tuple(node.name for node in nodes if node.op_type == "Add" and node.name not in self._kept)

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
