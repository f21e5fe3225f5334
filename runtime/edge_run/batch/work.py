"""The list without what is answered -> items, and items -> rows: the function that shards and Ray share."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run._text import utf8
from edge_run.scan.inputs import Input

from . import listing, storage
from .entry import Item
from .reading import done
from .rows import error_row, rows_of
from .shard import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.ensemble.predict_many import ScanResult

    from .chain import Record
    from .entry import Entry
    from .shard import Shard

REQUESTS = 16
"""Objects of a store that are asked for ahead of the networks: an answer takes longer than the networks do."""


def pending(lists: Iterable[Path], folder: Path, shard: Shard, *, retry_errors: bool = False) -> tuple[list[Item], int]:
    """Return what a shard has still to answer, and how many of its files have been answered.

    Raises
    ------
    UsageError
        A list cannot be read.
    """
    ours: dict[object, Entry] = {}
    for path in lists:
        for entry in listing.read_list(path, shard):
            ours[entry.key] = entry
    files = len(ours)
    for key in done(folder, shard, retry_errors=retry_errors) if ours else ():
        ours.pop(key, None)
    same: dict[str, list[Entry]] = {}
    for entry in ours.values():
        same.setdefault(identity(entry.sha256, entry.path), []).append(entry)
    items = [Item(group[0].sha256, tuple(one.path for one in group), group[0].error) for group in same.values()]
    return items, files - len(ours)


def answer(ensemble: Ensemble, items: Sequence[Item]) -> Iterator[tuple[int, list[Record]]]:
    """Answer items: how many files each has, and their rows. What cannot be read has a row with an error.

    Raises
    ------
    BackendError, BundleError
        The backend failed; further answers could not be trusted.
    """
    readable = [item for item in items if item.error is None]
    for item in items:
        if item.error is not None:
            yield len(item.paths), [error_row(path, item.sha256, item.error) for path in item.paths]
    following = iter(readable)
    results: list[ScanResult] = []
    with ThreadPoolExecutor(REQUESTS, thread_name_prefix="load") as pool:
        for result in ensemble.predict_many(_inputs(readable, pool)):
            results.append(result)
            if result.last:
                item = next(following)
                yield len(item.paths), rows_of(item, results)
                results = []


def _inputs(items: Iterable[Item], pool: ThreadPoolExecutor) -> Iterator[Input]:
    """Turn items into inputs; objects of a store are asked for ahead."""
    ahead = deque[Input]()
    for item in items:
        path = item.paths[0]
        if storage.is_url(path):
            loading: Future[bytes] = pool.submit(storage.load, path)
            ahead.append(Input(utf8(path), None, load=partial(Future.result, loading)))
        else:
            ahead.append(Input(utf8(path), Path(path)))
        if len(ahead) > REQUESTS:
            yield ahead.popleft()
    yield from ahead
