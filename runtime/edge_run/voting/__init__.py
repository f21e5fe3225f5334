"""Softmax, the weighted vote, early exit, and what a prediction says."""
