"""The command ``edge-run``. Heavy packages are imported inside the commands that need them."""

from __future__ import annotations

import sys

__all__ = ["console", "main"]


def main() -> None:
    """Run the command line in this process, and leave with its exit code."""
    from ._app import main as run

    run()


def console() -> None:
    """Run the command line as a process of its own."""
    try:
        from ._app import console as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
