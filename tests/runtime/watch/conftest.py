"""A watched folder whose looks a test takes, without any network."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge_run.errors import InputError
from edge_run.watch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeAnswer(NamedTuple):
    scan_sha256: str


class Desk:
    """Answers whatever a watch hands out; a file that begins with ``bad`` is an error."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder / "inbox", folder / "state.jsonl"
        self.folder.mkdir()
        self.told: list[str] = []
        self.watch = self.open()

    def open(self) -> Watch:
        return Watch(self.folder, self.state, self.told.append, lambda text, _hint: self.told.append(text))

    def restart(self) -> None:
        self.watch.close()
        self.watch = self.open()

    def look(self, times: int = 1) -> list[str]:
        """Return what that many looks answer, errors with a question mark."""
        reported = []
        for _ in range(times):
            for given in self.watch.poll():
                assert given.path is not None
                outcome = given.error or self.read(given.path)
                if self.watch.is_final(given, outcome):
                    failed = isinstance(outcome, InputError)
                    reported.append(str(given.path.relative_to(self.folder)) + "?" * failed)
                    self.watch.settle(given, outcome)
        return reported

    def read(self, path: Path) -> FakeAnswer | InputError:
        data = path.read_bytes()
        if data.startswith(b"bad"):
            return InputError(f"{path} is damaged")
        return FakeAnswer(hashlib.sha256(data).hexdigest())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.watch.close()
