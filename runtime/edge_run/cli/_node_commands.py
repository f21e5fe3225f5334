"""``edge-run node status`` and ``edge-run node check``."""

from __future__ import annotations

from . import _options
from .node import Config, Folder
from .output import print_json, print_text


def status(config: Config = None, folder: Folder = None, as_json: _options.Json = False) -> None:
    """Show what was received, what waits, and what is stuck."""
    from ._node import settings_of

    settings = settings_of(config, None, None, None, (), (), folder)
    from edge_run.node.database import Database

    with Database(settings.place, create=False) as database:
        counts = {
            row["state"]: row["n"] for row in database.rows("SELECT state, count(*) AS n FROM series GROUP BY state")
        }
    if as_json:
        print_json({"series": counts})
    else:
        print_text("\n".join(f"series {state}: {n}" for state, n in counts.items()) or "nothing was received yet")


def check(peer: str, config: Config = None) -> None:
    """Check the connection to a peer, from both sides."""
    raise NotImplementedError
