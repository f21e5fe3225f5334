"""Interleaved measurements, from their home in `edge_run.bench.interleave`."""

from __future__ import annotations

from edge_run.bench.interleave import Blocks, Key, Spread, Stop, each_scan, interleave, medians, ratios, spread

__all__ = ["Blocks", "Key", "Spread", "Stop", "each_scan", "interleave", "medians", "ratios", "spread"]
