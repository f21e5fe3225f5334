"""A guard for objects whose threads do not survive a fork."""

from __future__ import annotations

import os

from edge_run.errors import UsageError


class ForkGuard:
    """Remembers the process that created an object with threads, and refuses its use in a forked child.

    A child has none of its parent's threads, so that a call which hands them work would wait for ever.

    Parameters
    ----------
    name
        The object's name in the error, such as ``this ensemble``.
    """

    def __init__(self, name: str) -> None:
        self._name, self._process = name, os.getpid()

    @property
    def forked(self) -> bool:
        """Return whether this process is a child that was forked after the object was created."""
        return os.getpid() != self._process

    def check(self) -> None:
        """Refuse any process but the one that created the object.

        Raises
        ------
        UsageError
            This process is a child that was forked afterwards.
        """
        if self.forked:
            raise UsageError(
                f"{self._name} was loaded before this process was forked, and its threads do not exist here",
                hint="load it in the child, after the fork; or start children with spawn or forkserver",
            )
