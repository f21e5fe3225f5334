"""The DICOM objects that answer a series: a report, a picture, and what is asked for besides."""

from __future__ import annotations

from .answer import DecidingSlice, Finding, Proof, ResultOptions, SeriesAnswer, finding_of

__all__ = ["DecidingSlice", "Finding", "Proof", "ResultOptions", "SeriesAnswer", "finding_of"]
