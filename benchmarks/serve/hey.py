"""The load generator hey (Debian's package ``hey``), and what it says."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Answered(NamedTuple):
    """One run of hey.

    Attributes
    ----------
    seconds
        Latency of each request that was answered with 200.
    wall_s
        From the first request to the last answer.
    statuses
        How many answers have each status.
    """

    seconds: list[float]
    wall_s: float
    statuses: dict[str, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall_s


def hey(url: str, body: Path, requests: int, clients: int) -> Answered:
    """Post a file so many times from so many clients at once; hey rounds down to the same number for each client."""
    if requests % clients:
        raise SystemExit(f"{requests} requests cannot be shared by {clients} clients")
    program = shutil.which("hey")
    if program is None:
        raise SystemExit("this needs hey: apt-get install hey")
    command = [program, "-n", str(requests), "-c", str(clients), "-m", "POST", "-D", str(body), "-o", "csv", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    statuses: dict[str, int] = {}
    for row in rows:
        statuses[row["status-code"]] = statuses.get(row["status-code"], 0) + 1
    ok = [row for row in rows if row["status-code"] == "200"]
    end = max(float(row["offset"]) + float(row["response-time"]) for row in rows)
    return Answered([float(row["response-time"]) for row in ok], end, statuses)
