"""The float fallback of forms that are derived from a stored INT8 network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.bundle.derive import derive
from edge_run.bundle.derive.float32 import to_float

from .artefact import Candidate, assess_artefact
from .float_fallback import FloatFallback

if TYPE_CHECKING:
    from pathlib import Path

    from edge_export.graphs.ranges import Ranges
    from edge_export.reporter import Reporter
    from edge_export.scans.export_scans import ExportScans

    from .precisions import Recipe
    from .trained_member import TrainedMember


class DerivedFallback(FloatFallback):
    """Derives the forms of one member, with as many layers in float as their gates ask for.

    Parameters
    ----------
    stored
        The ``int8-cpu`` network in the place of an original: its file as ``fp32``, and what it answers.
    kept
        Layers that the stored network has in float, and so has every form.
    """

    def __init__(self, stored: TrainedMember, scans: ExportScans, reporter: Reporter, *, kept: tuple[str, ...]) -> None:
        super().__init__(stored, scans, reporter, kept=kept)
        self._model = stored.fp32.read_bytes()

    def derive_all(self, recipes: dict[str, Recipe]) -> dict[str, Candidate]:
        """Derive and judge every form; a quantised one that fails is repaired, and its FP16 twin begins with that."""
        made: dict[str, Candidate] = {}
        layers = self._kept
        for form, recipe in recipes.items():
            quantised = form.startswith("int8")
            made[form] = self.build(form, recipe, "", layers if quantised else self._kept)
            if quantised:
                made[form] = self.repair(form, recipe, made[form])
                layers = made[form].float_layers
        return made

    def build(self, precision: str, recipe: Recipe, method: str, float_layers: tuple[str, ...]) -> Candidate:
        """Derive a form that has these layers in float, and judge it."""
        path = self._original.fp32.with_name(f"{self._original.id}.{precision}.onnx")
        path.write_bytes(derive(self._model, precision, float_layers))
        found = assess_artefact(path, self._original, recipe, self._scans)
        return found._replace(method=method, float_layers=float_layers)

    def _ranked(self, method: str) -> tuple[Path, Ranges]:  # noqa: ARG002 - there is one set of ranges
        path = self._original.fp32.with_name(f"{self._original.id}.ranked.onnx")
        graph = to_float(self._model)
        path.write_bytes(graph.model.SerializeToString())
        return path, graph.ranges
