"""Prove that an archive's reports and the case log agree."""

from __future__ import annotations

from .archive import Archive
from .audit import Audit, Fault, audit

__all__ = ["Archive", "Audit", "Fault", "audit"]
