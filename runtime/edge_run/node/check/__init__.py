"""Whether a node and a peer understand each other, step by step, told from both sides' view."""

from __future__ import annotations

from .step import State, Step

__all__ = ["State", "Step"]
