"""Open a bundle's members on a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.backends import AUTO, CPU, Availability, Choice, choose, open_runner
from edge_run.backends.base import Missing, Network
from edge_run.errors import BackendError
from edge_run.machine.accelerators import has_nvidia_gpu

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from edge_run.backends.base import Runner
    from edge_run.bundle.bundle import Bundle


def open_members(
    bundle: Bundle, backend: str, precision: str | None, threads: Mapping[int, int], pool: Executor
) -> tuple[Choice, list[Runner]]:
    """Open the members on the backend that is named, or on the first that opens them all.

    Parameters
    ----------
    threads
        Of each member, by its place in the manifest, in the order in which they are to be opened.
    """
    here, gpu = Availability(backend), has_nvidia_gpu()
    while True:
        choice = choose(backend, precision, bundle.manifest.precisions, here, gpu=gpu)
        try:
            return choice, _open_all(bundle, choice, threads, pool)
        except BackendError as error:
            # What the CPU does not open is no network: the next backend's complaint would only hide that.
            if backend != AUTO or choice.backend == CPU:
                raise
            here[choice.backend] = Missing(error.message, error.hint, installed=True)


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
    member = bundle.manifest.members[m]
    network = Network(
        bundle.read(member.artefacts[choice.precision].file),
        f"{member.id}.{choice.precision}",
        choice.precision,
        bundle.manifest.preprocess.size,
        bundle.engines,
    )
    return open_runner(choice.backend, network, threads=threads)
