"""All objects of one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.scan.dicom.quiet import quiet

from .context import Context
from .secondary_capture import capture
from .sources import read_sources
from .sr import report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from .answer import Proof, ResultOptions, SeriesAnswer


def make_objects(
    sources: Sequence[Path],
    answer: SeriesAnswer,
    proof: Proof,
    supersedes: str | None,
    options: ResultOptions,
) -> list[Dataset]:
    """Make the objects; see :func:`edge_run.node.results.result_objects`."""
    context = Context(read_sources(sources), answer, proof, options, supersedes)
    with quiet:
        return [report(context), capture(context)]
