"""Measurements behind the figures in the documents; run one from the repository's root as a module."""
