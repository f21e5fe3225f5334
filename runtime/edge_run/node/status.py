"""How a node stands: what it received, what waits, what is stuck. Without anything of a patient."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .outbox import DELIVERED, SENT, STUCK

if TYPE_CHECKING:
    from .database import Database

_WAITING = ("receiving", "answering")


def status_of(database: Database, *, now: float | None = None) -> dict[str, Any]:
    """Return the record of ``edge-run node status``, of the page and of the metrics.

    Returns
    -------
    ``series`` by state, ``instances``, ``answers`` by outcome, ``oldest_waiting_seconds``, and for each destination
    ``queued``, ``sent`` (to be confirmed), ``stuck``, ``delivered``, ``oldest_seconds`` (of what is not delivered) and
    ``troubles``: what the archive said, and how often.
    """
    moment = time.time() if now is None else now
    oldest = database.row("SELECT min(changed_at) AS at FROM series WHERE state IN (?, ?)", _WAITING)
    return {
        "series": _counts(database, "SELECT state AS name, count(*) AS n FROM series GROUP BY state"),
        "instances": _count(database, "SELECT count(*) AS n FROM instances"),
        "answers": _counts(database, "SELECT outcome AS name, count(*) AS n FROM answers GROUP BY outcome"),
        "oldest_waiting_seconds": _age(oldest["at"] if oldest else None, moment),
        "destinations": {name: _destination(database, name, moment) for name in _destinations(database)},
    }


def is_stuck(status: dict[str, Any]) -> bool:
    """Whether a person has to do something."""
    return bool(status["series"].get("unanswerable")) or any(
        one[STUCK] or one["troubles"] for one in status["destinations"].values()
    )


def _destinations(database: Database) -> list[str]:
    return [row["destination"] for row in database.rows("SELECT DISTINCT destination FROM outbox ORDER BY 1")]


def _destination(database: Database, name: str, moment: float) -> dict[str, Any]:
    counts = _counts(
        database, "SELECT state AS name, count(*) AS n FROM outbox WHERE destination = ? GROUP BY state", name
    )
    oldest = database.row(
        "SELECT min(made_at) AS at FROM outbox JOIN objects USING (sop_uid) WHERE destination = ? AND state != ?",
        (name, DELIVERED),
    )
    troubles = database.rows(
        "SELECT status, count(*) AS n, max(attempts) AS attempts FROM outbox"
        " WHERE destination = ? AND state != ? AND attempts > 0 GROUP BY status ORDER BY n DESC LIMIT 10",
        (name, DELIVERED),
    )
    return {
        "queued": counts.get("queued", 0),
        "sent": counts.get(SENT, 0),
        "stuck": counts.get(STUCK, 0),
        "delivered": counts.get(DELIVERED, 0),
        "oldest_seconds": _age(oldest["at"] if oldest else None, moment),
        "troubles": [{"status": row["status"], "objects": row["n"], "attempts": row["attempts"]} for row in troubles],
    }


def _counts(database: Database, query: str, *values: str) -> dict[str, int]:
    return {row["name"]: row["n"] for row in database.rows(query, values)}


def _count(database: Database, query: str) -> int:
    row = database.row(query)
    return int(row["n"]) if row else 0


def _age(since: float | None, moment: float) -> float | None:
    return None if since is None else round(max(0.0, moment - since), 1)
