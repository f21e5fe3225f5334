"""What makes a process that answers a few scans and ends start and stop faster."""

from __future__ import annotations

import gc
import os
import sys

# Python's default of 700 has it look for garbage hundreds of times while it imports, and find none.
OBJECTS_BETWEEN_COLLECTIONS = 50_000


def begin() -> None:
    """Call before NumPy is imported: nothing here uses its linear algebra, whose threads would be started to wait."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def end(code: int) -> None:
    """Leave at once, without giving the networks' memory back piece by piece."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
