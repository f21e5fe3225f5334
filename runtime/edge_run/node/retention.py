"""Patient data leave the node again: after delivery and the retention time, or when they are too old to be kept."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .database import Database
    from .inbox import Inbox
    from .outbox import Outbox
    from .settings import Settings

_log = logging.getLogger(__name__)
_DELIVERED = """
SELECT key FROM series WHERE state = 'answered' AND changed_at < ?
AND NOT EXISTS (
    SELECT 1 FROM answers WHERE answers.series = key AND answered_at >= ?
) AND NOT EXISTS (
    SELECT 1 FROM outbox JOIN objects USING (sop_uid)
    WHERE objects.series = key AND (outbox.state != 'delivered' OR outbox.changed_at >= ?)
)
"""
_EXPIRED = "SELECT key FROM series WHERE changed_at < ?"


class Removed(NamedTuple):
    """How many series were removed.

    Attributes
    ----------
    delivered
        After delivery and the retention time.
    expired
        Because they are too old, although something was not delivered.
    """

    delivered: int
    expired: int


def remove_old(
    settings: Settings, database: Database, inbox: Inbox, outbox: Outbox, now: float | None = None
) -> Removed:
    """Remove the images and answers of series that are done with, with all that the database says of them."""
    moment = time.time() if now is None else now
    before = moment - settings.retention_hours * 3600
    done = [row["key"] for row in database.rows(_DELIVERED, (before, before, before))]
    for series in done:
        _remove(series, database, inbox, outbox)
    old = [row["key"] for row in database.rows(_EXPIRED, (moment - settings.expire_days * 86400,))]
    for series in old:
        _remove(series, database, inbox, outbox)
    if old:
        _log.warning("%d series were removed after %g days without delivery", len(old), settings.expire_days)
    return Removed(len(done), len(old))


def _remove(series: str, database: Database, inbox: Inbox, outbox: Outbox) -> None:
    files = [row["file"] for row in database.rows("SELECT file FROM objects WHERE series = ?", (series,))]
    # Rows first: a file without a row is swept at the next start, a row without its file would be an error.
    with database.writing() as connection:
        own = "SELECT sop_uid FROM objects WHERE series = ?"
        connection.execute(f"DELETE FROM outbox WHERE sop_uid IN ({own})", (series,))  # noqa: S608 - the line above
        for table in ("objects", "answers", "instances"):
            connection.execute(f"DELETE FROM {table} WHERE series = ?", (series,))  # noqa: S608 - names above
        connection.execute("DELETE FROM series WHERE key = ?", (series,))
    inbox.remove(series)
    outbox.remove_files(files)
