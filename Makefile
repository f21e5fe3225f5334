# Figures in the documents are written by the commands beside them: see benchmarks/refresh.py.
#   make benchmarks EDGE_RUN_DATA=/where/the/scans/are [ONLY=latency]
PYTHON ?= .venv/bin/python
ONLY ?=

.PHONY: benchmarks
benchmarks:
	$(PYTHON) -m benchmarks.refresh --only '$(ONLY)'
