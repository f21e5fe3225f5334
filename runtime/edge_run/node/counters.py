"""What the node counts while it runs: names of peers and reasons, nothing of patients."""

from __future__ import annotations

import threading
from collections import Counter


class Counters:
    """Counts by kind and label, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter[tuple[str, str, str]]()

    def add(self, kind: str, outcome: str, peer: str = "", *, n: int = 1) -> None:
        """Count one, or ``n``."""
        with self._lock:
            self._counts[kind, peer, outcome] += n

    def of(self, kind: str) -> dict[tuple[str, str], int]:
        """Counts of one kind by peer and outcome."""
        with self._lock:
            return {(peer, outcome): n for (found, peer, outcome), n in sorted(self._counts.items()) if found == kind}

    def total(self, kind: str, outcome: str) -> int:
        """Count over all peers."""
        return sum(n for (_, found), n in self.of(kind).items() if found == outcome)
