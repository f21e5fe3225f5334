"""Open a bundle's members on a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.backends import Choice, Network, open_runner
from edge_run.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from edge_run.backends import Runner, Selection
    from edge_run.bundle.bundle import Bundle


def open_members(bundle: Bundle, selection: Selection, threads: Mapping[int, int], pool: Executor) -> list[Runner]:
    """Open the members on the selected backend; with ``auto``, on the first that opens them all.

    Parameters
    ----------
    selection
        Moves on to the next backend where one fails; holds the choice that worked afterwards.
    threads
        Threads of each member, by its place in the manifest, in the order in which they are to be opened.

    Raises
    ------
    BundleError
        A file is missing or is not the one that the manifest names.
    BackendError
        The backend cannot load a member, and there is no other.
    """
    while True:
        try:
            return _open_all(bundle, selection.choice, threads, pool)
        except BackendError as error:
            selection.fall_back(error)


def _open_all(bundle: Bundle, choice: Choice, threads: Mapping[int, int], pool: Executor) -> list[Runner]:
    loading = {m: pool.submit(_open, bundle, m, choice, count) for m, count in threads.items()}
    try:
        return [loading[m].result() for m in sorted(loading)]
    except Exception:
        for runner in loading.values():
            if not runner.cancel() and runner.exception() is None:
                runner.result().close()
        raise


def _open(bundle: Bundle, m: int, choice: Choice, threads: int) -> Runner:
    network = Network.read(bundle, bundle.manifest.members[m], choice.precision)
    return open_runner(choice.backend, network, threads=threads)
