"""``edge-run bench``: the speed of a bundle on this device, measured in fresh, interleaved processes.

One trial is one process: it loads, answers once, warms up, answers scans for a while, and ends. Every variant has one
trial in each round, so that a machine that grows warm or busy does so for all variants, and nothing but the variant is
in memory.
"""
