"""Fit a bundle's vote anew on the noted cases of the log: no retraining, no PyTorch."""

from __future__ import annotations

from .recalibrate import Request, recalibrate
from .report import Report

__all__ = ["Report", "Request", "recalibrate"]
