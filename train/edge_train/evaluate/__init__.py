"""Figures, their intervals, and what `edge-run evaluate` writes."""
