"""Items -> rows by Ray Data: a pool of actors, each with one ensemble, that call the same function as a shard.

Only names of files and rows travel between processes. This process alone writes rows, so that an actor or a node that
dies loses nothing and doubles nothing: Ray answers its block again, and hands it on once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from edge_run.errors import BackendError, BundleError, EdgeRunError, InputError

from .chain import write
from .entry import Item
from .work import answer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from edge_run.scan.scan import Limits

    from .chain import Record
    from .ray_cluster import Plan

MOST_IN_BLOCK, BLOCKS_OF_ENSEMBLE = 256, 8
SECONDS_WITHOUT_PROGRESS = 900.0
"""After which the job ends with an error: Ray tries a block again for ever whose every process dies (ray#62746)."""


class EnsembleOptions(NamedTuple):
    """How an actor loads its ensemble."""

    bundle: str
    bundle_sha256: str
    precision: str
    backend: str
    threads: int
    early_exit: bool
    limits: Limits


class Answerer:
    """An actor with one ensemble.

    Raises
    ------
    BundleError, BackendError
        As :class:`edge_run.Ensemble`; or another bundle lies at this place on this node.
    """

    def __init__(self, options: EnsembleOptions) -> None:
        from edge_run.bundle.bundle import Bundle
        from edge_run.ensemble.ensemble import Ensemble

        bundle = Bundle(options.bundle)
        if bundle.sha256 != options.bundle_sha256:
            raise BundleError(
                f"{options.bundle} is another bundle on this node", hint="copy the same one to every node"
            )
        self._ensemble = Ensemble(
            bundle,
            precision=options.precision,
            backend=options.backend,
            threads=options.threads,
            early_exit=options.early_exit,
            limits=options.limits,
        )

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Answer a block of items; each gets its rows as JSON."""
        import numpy as np

        items = [_item(text) for text in batch["item"]]
        answers = list(answer(self._ensemble, items))
        return {
            "files": np.array([files for files, _ in answers], np.int64),
            "rows": np.array(["\n".join(map(write, rows)) for _, rows in answers], object),
        }


def answer_with_ray(
    ray: Any,  # noqa: ANN401 - the module
    items: Sequence[Item],
    options: EnsembleOptions,
    plan: Plan,
) -> Generator[tuple[int, list[Record]], None, None]:
    """Answer items on a cluster, in any order; see :func:`edge_run.batch.work.answer`.

    Raises
    ------
    BackendError, BundleError
        An ensemble could not be loaded or failed, or the cluster did.
    """
    size = block_size(len(items), plan.ensembles)
    context = ray.data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.enable_progress_bars = context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = SECONDS_WITHOUT_PROGRESS
    on_gpu = not _on_cpu(options.backend)
    listed = ray.data.from_items([{"item": _text(item)} for item in items], override_num_blocks=-(-len(items) // size))
    answers = listed.map_batches(
        Answerer,
        fn_constructor_args=(options,),
        batch_size=size,
        batch_format="numpy",
        compute=ray.data.ActorPoolStrategy(size=plan.ensembles),
        num_cpus=plan.cores,
        num_gpus=1 if on_gpu else None,
    )
    try:
        for row in answers.iter_rows():
            yield int(row["files"]), [msgspec.json.decode(line) for line in row["rows"].split("\n")]
    except Exception as error:
        raise _explained(error) from error


def block_size(items: int, ensembles: int) -> int:
    """Return how many items travel together: few enough that no ensemble waits long for the last ones at the end."""
    return max(1, min(MOST_IN_BLOCK, -(-items // (ensembles * BLOCKS_OF_ENSEMBLE))))


def _on_cpu(backend: str) -> bool:
    from edge_run.backends import AUTO, BACKENDS

    return backend == AUTO or BACKENDS[backend].on_cpu


def _explained(error: Exception) -> EdgeRunError:
    """Find edge-run's own error in what Ray wrapped it in."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, EdgeRunError):
            return seen
        seen = getattr(seen, "cause", None) or seen.__cause__
    last = (str(error).strip().splitlines() or [""])[-1]
    return BackendError(
        f"Ray failed: {type(error).__name__}: {last}", hint="run it again: what is answered is not answered again"
    )


def _text(item: Item) -> str:
    # The standard library's JSON, because a file name may hold bytes that are not UTF-8.
    import json

    error = item.error and (item.error.message, item.error.hint)
    return json.dumps([item.sha256, item.paths, error])


def _item(text: str) -> Item:
    import json

    sha256, paths, error = json.loads(text)
    return Item(sha256, tuple(paths), InputError(error[0], hint=error[1]) if error else None)
