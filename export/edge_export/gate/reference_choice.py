"""Which of the drawn scans travel with a bundle: those whose answers are clear at every precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_export.scans.reference import COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_export.scans.export_scans import ExportScans

    from .compile import CompiledMember
    from .precisions import Recipe


def choose_reference(
    compiled: Sequence[CompiledMember], recipes: Mapping[str, Recipe], scans: ExportScans
) -> tuple[list[CompiledMember], ExportScans, int]:
    """Keep the reference scans that another machine can check.

    Another machine may differ by the tolerance of a precision. So ``edge-run verify`` compares a label only where it
    leads the next one by more than that; a scan on which the members hardly decide would check nothing.

    Returns
    -------
    Members and scans with `COUNT` reference scans: the first that are clear, then those that are nearest to it; and how
    many of them are clear.
    """
    spare = np.min(
        [
            lead(made.reference) - recipes[precision].elsewhere
            for member in compiled
            for precision, made in member.artefacts.items()
        ],
        axis=0,
    )
    clear = [int(n) for n in np.flatnonzero(spare > 0)]
    others = sorted(set(range(len(spare))) - set(clear), key=lambda n: -spare[n])
    chosen = sorted([*clear, *others][:COUNT])
    kept = [
        member._replace(
            artefacts={p: made._replace(reference=made.reference[chosen]) for p, made in member.artefacts.items()}
        )
        for member in compiled
    ]
    numbers = tuple(scans.reference_numbers[n] for n in chosen)
    scans = scans._replace(reference=scans.reference[chosen], reference_numbers=numbers)
    return kept, scans, len(set(clear).intersection(chosen))


def lead(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much the largest logit of each row leads the next one, ``[N]``."""
    ranked = np.sort(logits, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2])
