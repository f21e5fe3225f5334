"""The shortcut control: what the compiled vote still gets right once all but the border of the scans is black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_export.graphs.simulate import Simulation
from edge_run.voting.vote import softmax, vote
from edge_train.evaluate.border import blank_centre

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_export.gate.compile import CompiledMember
    from edge_export.gate.precisions import Recipe
    from edge_export.scans.export_scans import ValidationScans


def border_vote(
    compiled: Sequence[CompiledMember], precision: str, recipe: Recipe, validation: ValidationScans
) -> NDArray[np.float64]:
    """Vote at one precision on the blanked validation scans, ``[N, classes]``."""
    blanked = blank_centre(validation.pixels[:, np.newaxis])
    members = []
    for member in compiled:
        made = member.artefacts[precision]
        logits = Simulation(made.path, half_scales=recipe.half_scales).logits(blanked)
        members.append(softmax(logits, made.output.temperature))
    return vote(np.stack(members), [member.original.weight for member in compiled])
