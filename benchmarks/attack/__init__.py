"""Try to break what SECURITY.md promises: ``python -m benchmarks.attack``."""
