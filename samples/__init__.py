"""Phantom scans: drawn from a seed, of no real person."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parent
"""The folder of the two drawn samples, ``ct.png`` and ``cxr.png``."""
