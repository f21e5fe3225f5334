"""The DICOM objects that answer a series: a report, a picture, and what is asked for besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import BackendError

from .answer import DecidingSlice, Finding, Proof, ResultOptions, SeriesAnswer, finding_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

__all__ = ["DecidingSlice", "Finding", "Proof", "ResultOptions", "SeriesAnswer", "finding_of", "result_objects"]


def result_objects(
    sources: Sequence[Path],
    answer: SeriesAnswer,
    proof: Proof,
    supersedes: str | None = None,
    extra: ResultOptions = ResultOptions(),  # noqa: B008 - it cannot change
) -> list[Dataset]:
    """Make the DICOM objects that answer a series: the report first, then the picture, then what ``extra`` asks for.

    The same files, answer and proof give the same objects to the byte. So an object that is made and sent again after a
    crash replaces itself in the archive.

    Parameters
    ----------
    sources
        The files of the series, also those that could not be answered.
    answer, proof
        What the networks said, and what it can be checked against.
    supersedes
        SOP Instance UID of the report that this answer supersedes; None for a first answer.
    extra
        Objects that are made besides.

    Raises
    ------
    BackendError
        A package of the extra ``node`` is missing.
    InputError
        No file says which study, series and image it is.
    """
    try:
        from .make import make_objects
    except ModuleNotFoundError as error:
        raise BackendError(
            f"DICOM reports need {error.name}, which is not installed", hint="pip install 'edge-run[node]'"
        ) from error
    return make_objects(sources, answer, proof, supersedes, extra)
