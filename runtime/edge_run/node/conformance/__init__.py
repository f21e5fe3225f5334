"""The DICOM conformance statement (PS3.2), generated from the tables that the code negotiates with."""

from __future__ import annotations

from .statement import statement

__all__ = ["statement"]
