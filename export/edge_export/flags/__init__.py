"""Fit the thresholds of the flags, and the order in which members answer."""
