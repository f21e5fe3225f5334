"""`edge-run serve` under load, kills and attacks, on this machine alone: ``python -m benchmarks.serve COMMAND``."""
