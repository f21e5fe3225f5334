"""A folder into which scans arrive: which of its files are whole and not answered yet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files.read import load
from edge_run.errors import InputError, UsageError
from edge_run.scan.inputs import expand
from edge_run.scan.read import MAX_BYTES

from .state import Mark, WatchState, key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from edge_run.scan.inputs import Input
    from edge_run.voting.prediction import Prediction

STABLE_POLLS = 2
"""Looks that must find a file unchanged before it is answered."""
MAX_POLLS = 10
"""Looks that must find it unchanged before it is given up as unreadable: a slow copy pauses."""


class Look(NamedTuple):
    """What a look at a file shows, and how many in a row showed the same."""

    path: Path
    size: int
    mtime_ns: int
    times: int = 1


class Watch:
    """Scans that arrive in a folder, each handed out once, or again after it has changed.

    It looks at intervals; nothing of the system's needs to tell it, so network drives work. Files are those that
    :func:`edge_run.scan.inputs.expand` lists: images at any depth, no hidden ones, no ``scan.png.part``.

    Parameters
    ----------
    folder
        To watch. Nothing is written into it.
    state
        File that keeps what is answered.
    tell
        Is called with what keeps the folder from being read, once with each text.

    Raises
    ------
    UsageError
        The folder is none, or the state cannot be kept.
    """

    def __init__(self, folder: Path, state: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder that can be watched", hint="mkdir it first, or check the path")
        self.folder = folder
        self._tell, self._told = tell, set[str]()
        self._looks: dict[Input, Look] = {}
        self._state = WatchState(state)
        # An empty folder may be a drive that is not mounted yet, whose files are to stay known.
        present = [self._name(path) for path in self._list().values()]
        self._state.renew(present or None)

    def poll(self) -> list[Input]:
        """Look once, and return what is ready to be answered. Call it at intervals."""
        before, self._looks = self._looks, {}
        for given, path in self._list().items():
            look = _look(path, before.get(given))
            if look is not None and not self._is_known(look):
                self._looks[given] = look
        return [given for given, look in self._looks.items() if look.times in (STABLE_POLLS, MAX_POLLS)]

    def is_final(self, given: Input, outcome: Prediction | InputError) -> bool:
        """Whether an outcome counts: for a while, a file that cannot be read may still become whole."""
        return not isinstance(outcome, InputError) or self._looks[given].times >= MAX_POLLS

    def settle(self, given: Input, outcome: Prediction | InputError) -> None:
        """Keep in mind that a file is answered, as it was when it was handed out."""
        look = self._looks.pop(given)
        self._keep(look, "" if isinstance(outcome, InputError) else outcome.scan_sha256)

    def close(self) -> None:
        """Let another process watch."""
        self._state.close()

    def _is_known(self, look: Look) -> bool:
        mark = self._state.get(self._name(look.path))
        if mark is None or (mark.size, mark.mtime_ns) == (look.size, look.mtime_ns):
            return mark is not None
        # Copied or touched once more, perhaps with the same content; whether it is, is asked once it is whole.
        same = look.times == STABLE_POLLS and mark.sha256 == _sha256(look.path)
        if same:
            self._keep(look, mark.sha256)
        return same

    def _keep(self, look: Look, sha256: str) -> None:
        self._state.add(Mark(key(self._name(look.path)), look.size, look.mtime_ns, sha256))

    def _list(self) -> dict[Input, Path]:
        if not self.folder.is_dir():
            self._tell_once(f"{self.folder} cannot be reached; its scans are answered once it is back")
            return {}
        found = expand([str(self.folder)])
        for given in found:
            if given.error is not None:
                self._tell_once(given.error.message)
        return {given: given.path for given in found if given.path is not None}

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _look(path: Path, before: Look | None) -> Look | None:
    try:
        status = path.stat()
    except OSError:
        return None
    now = Look(path, status.st_size, status.st_mtime_ns)
    return now._replace(times=before.times + 1) if before and before[:3] == now[:3] else now


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(load(path, MAX_BYTES)).hexdigest()
    except InputError:
        return None
