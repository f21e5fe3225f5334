"""A folder into which scans arrive: which of its files are complete and not answered yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from edge_run._files import sha256
from edge_run._files.read import load
from edge_run.errors import InputError, UsageError
from edge_run.scan.inputs import Input
from edge_run.scan.read import MAX_BYTES

from .completeness import Completeness, check
from .listing import Identity, Lister
from .state import NOT_KEPT, Mark, WatchState, default_state, hashed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

STABLE_POLLS = 2
"""Looks that must find a file with an end marker unchanged before it is answered."""
UNMARKED_POLLS = 5
"""The same for a format without an end marker: BMP, PGM, TIFF, WebP and most DICOM."""
MAX_POLLS = 10
"""The same for a file that ends in zeros, and for an error to be reported: a slow copy pauses."""
MAX_RETRY_POLLS = 600
"""A file with an error is tried again after twice as many looks each time, and at least after so many."""
_POLLS = {Completeness.MARKED: STABLE_POLLS, Completeness.UNMARKED: UNMARKED_POLLS}


class Answered(Protocol):
    """An answer, of which a watch needs only the hash of the scan."""

    @property
    def scan_sha256(self) -> str:
        """SHA-256 of the encoded scan."""


@dataclass
class _Candidate:
    """A file that may have to be answered.

    Attributes
    ----------
    polls
        How many looks in a row found this identity.
    tried
        ``polls`` when it was last handed out; 0 before.
    """

    identity: Identity
    polls: int = 1
    tried: int = 0


class Watch:
    """Scans that arrive in a folder, each handed out once, and again after its content has changed.

    It polls, so network drives work. Files are images at any depth with the names that
    :func:`edge_run.scan.inputs.expand` takes from a folder: no hidden ones, no ``scan.png.part``.

    Parameters
    ----------
    folder
        To watch. Nothing is written into it.
    state
        File that keeps what is answered; None: one of the user's own, and memory alone where that cannot be written.
    tell, warn
        Called with each message for a person, once with each text; a warning may have a hint besides.

    Raises
    ------
    UsageError
        ``folder`` is not a folder, ``state`` cannot be written or is something else, or another process uses it.
    """

    def __init__(
        self,
        folder: Path,
        state: Path | None,
        tell: Callable[[str], None] = lambda _: None,
        warn: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder that can be watched", hint="mkdir it first, or check the path")
        self.folder = folder
        self._tell, self._warn, self._told = tell, warn, set[str]()
        self._candidates: dict[str, _Candidate] = {}
        self._answered: dict[str, Identity] = {}
        self._names: dict[Input, str] = {}
        self._lister = Lister(folder)
        self._state = self._open_state(state)
        present = self._list()
        # Files of a drive that is not mounted, or of a folder that cannot be listed now, must stay known.
        self._state.renew(present if present and not self._lister.errors else None)

    def poll(self) -> list[Input]:
        """Look once, and return what is ready to be answered, in the order of the paths. Call it at intervals."""
        before, self._candidates, self._names = self._candidates, {}, {}
        for name, identity in self._list(before).items():
            if self._answered.get(name) != identity:
                self._candidates[name] = _seen_again(before.get(name), identity)
        ready = [name for name in self._candidates if self._candidates[name].polls >= STABLE_POLLS]
        for name in sorted(ready, key=lambda name: name.split("/")):
            if (given := self._hand_out(name, self._candidates[name])) is not None:
                self._names[given] = name
        return list(self._names)

    def is_final(self, given: Input, outcome: Answered | InputError) -> bool:
        """Whether an outcome is to be reported.

        An error is not while the file may still become complete, nor where this error of this content was reported
        before.
        """
        if not isinstance(outcome, InputError):
            return True
        name = self._names[given]
        candidate, mark = self._candidates[name], self._state.get(name)
        known = mark is not None and mark.identity == candidate.identity and mark.error == hashed(outcome.message)
        return candidate.polls >= MAX_POLLS and not known

    def settle(self, given: Input, outcome: Answered | InputError) -> None:
        """Keep the final outcome of a file, as it was when it was handed out."""
        name = self._names[given]
        identity = self._candidates[name].identity
        if isinstance(outcome, InputError):
            # It stays a candidate: rights, drives and installed packages change without a change of the file.
            self._keep(name, identity, error=hashed(outcome.message))
        else:
            del self._candidates[name]
            self._keep(name, identity, outcome.scan_sha256)

    def close(self) -> None:
        """Let another process watch."""
        self._state.close()

    def _open_state(self, path: Path | None) -> WatchState:
        own = default_state(self.folder) if path is None else path
        try:
            if own is not None:
                return WatchState(own, self._warn_once)
            reason = "this user has no home folder"
        except OSError as error:
            reason = f"{own} cannot be written: {error.strerror}"
            if path is not None:
                raise UsageError(
                    f"the state of the watch cannot be kept: {reason}", hint="give another --state FILE"
                ) from error
        self._warn_once(f"the state of the watch is not kept, {reason}; {NOT_KEPT}", "give --state FILE")
        return WatchState(None)

    def _hand_out(self, name: str, candidate: _Candidate) -> Input | None:
        """Return the input for a candidate that is to be tried at this look; None for every other."""
        mark = self._state.get(name)
        if mark is not None and mark.sha256 and mark.identity == candidate.identity:
            self._answered[name] = candidate.identity
            del self._candidates[name]
            return None
        if candidate.tried and not _is_due(candidate, 0):
            return None
        path = self.folder / name
        try:
            state = check(path)
        except OSError:
            # Reading it says why.
            state = Completeness.UNMARKED
        if state is Completeness.WRITING:
            if candidate.polls == MAX_POLLS:
                self._tell_once(f"{path} is open for writing; it is answered once it is closed")
            return None
        if not _is_due(candidate, _POLLS.get(state, MAX_POLLS)):
            return None
        candidate.tried = candidate.polls
        given = Input(str(path).encode("utf-8", "replace").decode(), path)
        if state in (Completeness.SPARSE, Completeness.HALF_EMPTY):
            return replace(given, error=_incomplete(given.name, state))
        # Copied or touched once more, perhaps with the same content.
        if mark is not None and mark.sha256 and mark.sha256 == _sha256(path):
            del self._candidates[name]
            self._keep(name, candidate.identity, mark.sha256)
            return None
        return given

    def _keep(self, name: str, identity: Identity, sha256: str = "", error: str = "") -> None:
        self._state.add(
            Mark(hashed(name), identity.size, identity.mtime_ns, sha256, identity.ctime_ns, identity.inode, error)
        )
        if sha256:
            self._answered[name] = identity

    def _list(self, watched: dict[str, _Candidate] | None = None) -> dict[str, Identity]:
        if not self.folder.is_dir():
            self._warn_once(f"{self.folder} cannot be reached; its scans are answered once it is back")
            return {}
        found = self._lister.list(watched or {})
        for error in self._lister.errors:
            self._warn_once(error)
        return found

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    def _warn_once(self, text: str, hint: str = "") -> None:
        if text not in self._told:
            self._told.add(text)
            self._warn(text, hint)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _seen_again(before: _Candidate | None, identity: Identity) -> _Candidate:
    """Count one more look at a file. Some network drives give a file another inode each time: that is no change."""
    if before is None or before.identity[:3] != identity[:3]:
        return _Candidate(identity)
    return _Candidate(identity, before.polls + 1, before.tried)


def _is_due(candidate: _Candidate, needed: int) -> bool:
    """Whether a candidate is tried at this look: first after ``needed`` looks, then less and less often."""
    if not candidate.tried:
        return candidate.polls >= needed
    wait = min(max(candidate.tried, MAX_POLLS - candidate.tried), MAX_RETRY_POLLS)
    return candidate.polls >= candidate.tried + wait


def _incomplete(name: str, state: Completeness) -> InputError:
    return InputError(
        f"{name} looks like a copy that is not finished: {state.value}.",
        hint="Copy it again under another name and rename it, or answer it with edge-run predict if it is complete.",
    )


def _sha256(path: Path) -> str | None:
    try:
        return sha256(load(path, MAX_BYTES))
    except InputError:
        return None
