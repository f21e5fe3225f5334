"""Paths, URLs and lists of them -> the files of the archive, each with the hash of its content.

A shard is chosen by the content, so that copies of a scan meet in one shard and a renamed folder changes nothing. That
costs one reading of every file, which is done once: the list is kept in the output folder, under a name that depends on
every path, size and time of writing. Who comes later with the same files reads the list.
"""

from __future__ import annotations

import json
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import replacing, sha256
from edge_run._files.read import load as load_file
from edge_run.errors import InputError, UsageError
from edge_run.scan.inputs import expand
from edge_run.scan.scan import MAX_BYTES

from . import layout, storage
from .entry import Entry
from .shard import WHOLE, Shard, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Progress = Callable[[int, int], None]

LIST_SUFFIXES = (".txt", ".jsonl")
_BEGINNING = '{"sha256": "'
READERS = 8
"""Files that are read at once to be hashed: disks and stores answer several requests in the time of one."""


class Found(NamedTuple):
    """A file before its content is read.

    Attributes
    ----------
    version
        What changes when the content does.
    sha256
        Where a list brings it.
    error
        Why there is no such file.
    """

    path: str
    version: str = ""
    sha256: str | None = None
    error: InputError | None = None


def make_list(arguments: Sequence[str], folder: Path, progress: Progress = lambda _done, _of: None) -> Path:
    """List files, hash them where that was not done before, and return the list in the output folder.

    Parameters
    ----------
    arguments
        Files, folders, globs, URLs, and lists: ``.txt`` with a path or URL on each line, or ``.jsonl`` as this writes.

    Raises
    ------
    UsageError
        A list cannot be read or has no entries, or none of the arguments leads to a file.
    BackendError
        The driver of a URL is not installed.
    """
    found = list({one.path: one for one in find(arguments)}.values())
    if not found:
        raise UsageError("the list is empty", hint="give files, folders or URLs")
    if not any(one.sha256 or storage.is_url(one.path) or os.path.lexists(one.path) for one in found):
        # A mistyped folder. A bad file of an archive, or a link that leads nowhere, is a row.
        raise UsageError(f"there is nothing to answer: {found[0].path} leads to no file", hint="check the path")
    facts = "\n".join(f"{one.path}\t{one.version}\t{one.sha256}" for one in found)
    path = folder / layout.LISTS / f"{sha256(facts.encode('utf-8', 'surrogateescape'))[:16]}{layout.JSONL}"
    if not path.exists():
        with replacing(path) as unfinished, unfinished.open("w") as file:
            for done, entry in enumerate(_hashed(found), 1):
                file.write(_line(entry))
                progress(done, len(found))
    return path


def find(arguments: Sequence[str]) -> Iterator[Found]:
    """Find the files that arguments stand for, see :func:`make_list`."""
    for argument in arguments:
        if storage.is_url(argument) and not argument.startswith("file://"):
            try:
                for one in storage.find(argument):
                    yield Found(one.url, one.version)
            except InputError as error:
                yield Found(argument, error=error)
        elif argument.endswith(LIST_SUFFIXES):
            yield from _listed(Path(argument))
        else:
            for given in expand([argument.removeprefix("file://")]):
                if given.error is not None or given.path is None:
                    yield Found(given.name, error=given.error or InputError("standard input is no file."))
                else:
                    yield _file(given.path)


def read_list(path: Path, shard: Shard = WHOLE) -> Iterator[Entry]:
    """Read a list that `make_list` wrote, line by line.

    Parameters
    ----------
    shard
        Only its entries. Those of others are passed over without decoding them: each of a thousand shards reads the
        list of ten million files.

    Raises
    ------
    UsageError
        It cannot be read, or is no such list.
    """
    try:
        with path.open() as file:
            for line in file:
                if line.startswith(_BEGINNING) and not shard.holds(line[len(_BEGINNING) :]):
                    continue
                entry = _entry(json.loads(line))
                if shard.holds(identity(entry.sha256, entry.path)):
                    yield entry
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"the list {path} cannot be read: {error}", hint="edge-run batch list") from error


def lists(folder: Path) -> list[Path]:
    """Return the lists of an output folder."""
    return sorted((folder / layout.LISTS).glob(f"[!.]*{layout.JSONL}"))


def load(path: str) -> bytes:
    """Read a file or an object whole.

    Raises
    ------
    InputError
        It cannot be read.
    """
    return storage.load(path) if storage.is_url(path) else load_file(Path(path), MAX_BYTES)


def _listed(path: Path) -> Iterator[Found]:
    if path.suffix == layout.JSONL:
        yield from (Found(one.path, sha256=one.sha256, error=one.error) for one in read_list(path))
        return
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise UsageError(f"the list {path} cannot be read: {error.strerror}", hint="check its name") from error
    for line in filter(None, map(str.strip, lines)):
        if storage.is_url(line):
            # Asking a store about each of a million objects takes hours; a list is taken as it is.
            yield Found(line)
        else:
            yield _file(Path(line))


def _file(given: Path) -> Found:
    """Name a file so that every shard finds it, whatever folder it runs in; links are kept."""
    path = os.path.abspath(given)  # noqa: PTH100 - Path.resolve would follow them
    try:
        status = given.stat()
    except (OSError, ValueError):
        return Found(path)
    return Found(path, f"{status.st_size} {status.st_mtime_ns}")


def _hashed(found: Iterable[Found]) -> Iterator[Entry]:
    """Read and hash in threads, in order; only a few files are in memory."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="hash") as pool:
        waiting = deque[Future[Entry]]()
        for one in found:
            waiting.append(pool.submit(_hash, one))
            if len(waiting) > 2 * READERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _hash(one: Found) -> Entry:
    if one.error is not None or one.sha256 is not None:
        return Entry(one.path, one.sha256, one.error)
    try:
        return Entry(one.path, sha256(load(one.path)))
    except InputError as error:
        return Entry(one.path, None, error)


def _line(entry: Entry) -> str:
    # The standard library's JSON, because a file name may hold bytes that are not UTF-8.
    error = {"error": {"message": entry.error.message, "hint": entry.error.hint}} if entry.error else {}
    return json.dumps({"sha256": entry.sha256, "path": entry.path, **error}) + "\n"


def _entry(record: dict[str, object]) -> Entry:
    path, digest, error = record["path"], record.get("sha256"), record.get("error")
    if not isinstance(path, str) or not (digest is None or (isinstance(digest, str) and len(digest) == 64)):
        raise ValueError(f"{record} is no entry")
    if error is None and digest is None:
        return _hash(Found(path))
    failed = InputError(str(error["message"]), hint=str(error["hint"])) if isinstance(error, dict) else None
    return Entry(path, digest, failed)
