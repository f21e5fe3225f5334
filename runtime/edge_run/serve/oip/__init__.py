"""The Open Inference Protocol, version 2: for programs that speak it to any inference server."""

from __future__ import annotations

from .routes import Oip

__all__ = ["Oip"]
