"""The command ``edge-run``. Heavy packages are imported inside the commands that need them."""

from ._app import app, console, main

__all__ = ["app", "console", "main"]
