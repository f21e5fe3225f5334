"""Folders that scans reach as bad senders, drives and trees bring them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import drawing, encoded, seeds
from edge_run import InputError
from edge_run.scan.read import read_frames
from edge_run.watch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALL_LOOKS = 14
"""Enough for a file that is complete to be answered, whatever its format."""
MOST_CPU_S = 0.1
"""For a look at known files on a machine of two busy cores."""


class Read(NamedTuple):
    """What a watch keeps of an answer."""

    scan_sha256: str


class Watched:
    """A folder, and what a watch of it would answer."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder / "inbox", folder / "state"
        self.folder.mkdir()
        self.answered: dict[str, list[str]] = {}
        self.errors: dict[str, int] = {}
        self.watch = Watch(self.folder, self.state)

    def restart(self) -> None:
        """Begin again with the same state."""
        self.watch.close()
        self.watch = Watch(self.folder, self.state)

    def look(self, times: int = 1) -> None:
        """Look so often, and read what is ready."""
        for _ in range(times):
            for given in self.watch.poll():
                assert given.path is not None
                name = given.path.relative_to(self.folder).as_posix()
                outcome: Read | InputError
                try:
                    outcome = given.error or Read(_read(given.path))
                except InputError as error:
                    outcome = error
                if not self.watch.is_final(given, outcome):
                    continue
                if isinstance(outcome, Read):
                    self.answered.setdefault(name, []).append(outcome.scan_sha256)
                else:
                    self.errors[name] = self.errors.get(name, 0) + 1
                self.watch.settle(given, outcome)


def _read(path: Path) -> str:
    return read_frames(path)[0].sha256


def attack(seconds: float, *, many: int = 20_000, deep: int = 1_500) -> list[Outcome]:
    """Run every scenario, and return what came of it."""
    outcomes = []
    scenarios: dict[str, Callable[[Outcome, Path], None]] = {
        "watch: filled later": filled_later,
        "watch: replaced and restored": replaced,
        "watch: trees and known files": partial(trees, many=many, deep=deep),
    }
    for name, scenario in scenarios.items():
        outcome, clock = Outcome(name), Clock(seconds)
        with tempfile.TemporaryDirectory() as folder:
            scenario(outcome, Path(folder))
        outcome.seconds = clock.spent
        outcomes.append(outcome)
    return outcomes


def filled_later(outcome: Outcome, folder: Path) -> None:
    """Every format gets its full size first and its content in four steps, closed in between, as SMB does."""
    watched = Watched(folder)
    files = {f"{kind.replace(' ', '-')}{_suffix(kind)}": data for kind, data in seeds().items()}
    for step in range(5):
        for name, data in files.items():
            known = data[: len(data) * step // 4]
            (watched.folder / name).write_bytes(known + bytes(len(data) - len(known)))
        watched.look(2 if step < 4 else ALL_LOOKS)
        early = {name for name in watched.answered if step < 4}
        for name in files:
            outcome.check(name not in early, f"{name} was answered when {step} of 4 parts were there", "waited")
    for name, data in files.items():
        whole = hashlib.sha256(data).hexdigest()
        found = watched.answered.get(name, [])
        outcome.check(
            found == [whole], f"{name}: answered {len(found)} times, {watched.errors.get(name, 0)} errors", "answered"
        )


def _suffix(kind: str) -> str:
    first = kind.split(maxsplit=1)[0]
    return {"jpeg": ".jpg", "tiff": ".tif", "dicom": ".dcm"}.get(first, f".{first}")


def replaced(outcome: Outcome, folder: Path) -> None:
    """New content of the same size and time, unreadable files that become readable, restarts in between."""
    watched = Watched(folder)
    for number, (kind, data) in enumerate(_pairs()):
        at = watched.folder / f"{number}{_suffix(kind)}"
        at.write_bytes(data[0])
        os.utime(at, ns=(10**18, 10**18))
        watched.look(ALL_LOOKS)
        in_place = number % 2
        if in_place:
            at.write_bytes(data[1])
        else:
            (watched.folder / ".new").write_bytes(data[1])
            (watched.folder / ".new").replace(at)
        os.utime(at, ns=(10**18, 10**18))
        if number % 3 == 0:
            watched.restart()
        watched.look(ALL_LOOKS)
        hashes = [hashlib.sha256(one).hexdigest() for one in data]
        outcome.check(
            watched.answered.get(at.name) == hashes, f"{kind}: {watched.answered.get(at.name)}", "answered twice"
        )
    late = watched.folder / "late.png"
    late.write_bytes(b"not yet")
    watched.look(30)
    late.write_bytes(encoded(".png", drawing(seed=9)))
    watched.look(80)
    outcome.check(watched.errors.get(late.name) == 1 and late.name in watched.answered, "late.png was not answered")
    watched.restart()
    before = {name: len(found) for name, found in watched.answered.items()}
    watched.look(ALL_LOOKS)
    outcome.check(before == {n: len(f) for n, f in watched.answered.items()}, "answered again after a restart")


def _pairs() -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    """Yield two files of equal size in formats whose size does not depend on the content."""
    one, other = drawing(seed=1), drawing(seed=2)
    for suffix in (".bmp", ".pgm", ".tif"):
        options = (259, 1) if suffix == ".tif" else ()
        for _ in range(4):
            yield suffix[1:], (encoded(suffix, one, *options), encoded(suffix, other, *options))


def trees(outcome: Outcome, folder: Path, many: int, deep: int) -> None:
    """A very deep tree, and very many files that were answered before."""
    watched = Watched(folder)
    data = encoded(".bmp", drawing(16))
    at = os.open(watched.folder, os.O_RDONLY)
    for _ in range(deep):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    (watched.folder / "top.bmp").write_bytes(data)
    watched.look(ALL_LOOKS)
    outcome.check("top.bmp" in watched.answered, f"a tree of {deep} folders stops the watch")
    # Python's own way to remove a folder calls itself for each level.
    subprocess.run(["rm", "-rf", str(watched.folder / "d")], check=True)
    place = watched.folder / "many"
    place.mkdir()
    for number in range(many):
        (place / f"{number}.bmp").write_bytes(data)
    # Each file has the same content: it is hashed, not decoded, once the first is known.
    for _ in range(ALL_LOOKS):
        for given in watched.watch.poll():
            outcome_of = Read(hashlib.sha256(data).hexdigest())
            watched.watch.settle(given, outcome_of)
    begin = time.process_time()
    looks = 20
    for _ in range(looks):
        assert watched.watch.poll() == []
    spent = (time.process_time() - begin) / looks
    outcome.figures[f"CPU of a look at {many} known files"] = f"{spent:.3f} s"
    outcome.check(spent < MOST_CPU_S, f"a look at {many} known files takes {spent:.2f} s of CPU")
    (place / "new.bmp").write_bytes(encoded(".bmp", drawing(24)))
    watched.look(ALL_LOOKS)
    outcome.check("many/new.bmp" in watched.answered, "a new file among many is not answered")
