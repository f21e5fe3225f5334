"""All objects of one answer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from edge_run.scan.dicom.quiet import quiet

from .context import Context
from .key_objects import key_objects
from .parametric_map import parametric_map
from .presentation_state import presentation_state
from .secondary_capture import capture
from .sources import read_sources
from .sr import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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
        return [report(context), capture(context), *_besides(context)]


def _besides(context: Context) -> Iterator[Dataset]:
    """Make what is asked for besides, as far as the source allows it: a failure here takes no answer away."""
    options = context.options
    wanted = (
        (options.key_objects, key_objects),
        (options.presentation_state, presentation_state),
        (options.parametric_map, parametric_map),
    )
    if not context.deciding_images():
        return
    for is_wanted, make in wanted:
        # highdicom raises whatever an incomplete or unusual header leads to.
        with suppress(Exception):
            made = make(context) if is_wanted else None
            if made is not None:
                yield made
