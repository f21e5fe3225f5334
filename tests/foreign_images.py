"""Drawings of samples/foreign.py: what is no chest CT."""

from __future__ import annotations

from phantoms import _load

FOREIGN = _load("foreign").FOREIGN
