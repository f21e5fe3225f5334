"""``edge-run bench``: what this device makes of a bundle, measured in fresh processes that take turns.

One turn is one process: it loads, answers once, warms up, answers a block of scans, and ends. Every variant has one
turn a round, so that a machine that grows warm or busy does so for all of them, and nothing but the variant is in
memory.
"""
