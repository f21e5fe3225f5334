"""What can be checked without the peer: the disk and the clock."""

from __future__ import annotations

import shutil
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .step import failed, note, ok

if TYPE_CHECKING:
    from edge_run.node.settings import Settings

    from .step import Step

_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
MAX_OFFSET_S = 60.0


def disk(settings: Settings) -> Step:
    """Check that the folder of inbox and outbox has room."""
    place = next(one for one in (settings.place, *settings.place.parents) if one.exists())
    free = shutil.disk_usage(place).free / 1e9
    found = f"{free:.1f} GB are free for {settings.place}"
    if free < settings.min_free_gb:
        return failed("disk", found, f"min_free_gb is {settings.min_free_gb:g}: nothing would be taken; make room")
    return ok("disk", found)


def clock() -> Step:
    """Show this machine's clock: a peer whose clock differs sorts the answers wrongly."""
    now = datetime.now(timezone.utc).astimezone()
    found = f"{now:%Y-%m-%d %H:%M:%S} {now.tzname()}"
    if _SYNCHRONISED.exists():
        return ok("clock", f"{found}, synchronised by systemd-timesyncd")
    return note("clock", found, "compare it with the peer's: nothing here says that it is synchronised")


def clock_of_web(date: str | None) -> Step:
    """Compare this machine's clock with the ``Date`` of a web server (RFC 9110 6.6.1)."""
    try:
        offset = parsedate_to_datetime(date or "").timestamp() - time.time()
    except ValueError:
        return note("clock", "the server says no time", "compare the clocks by hand")
    found = f"the server's clock is {abs(offset):.0f} s {'ahead' if offset > 0 else 'behind'}"
    if abs(offset) > MAX_OFFSET_S:
        return failed("clock", found, "synchronise this machine's clock (NTP)", "or theirs")
    return ok("clock", found)
