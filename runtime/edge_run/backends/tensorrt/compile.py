"""Build engines for this device from a bundle's networks, and keep them beside the bundle."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from edge_run.backends.network import Network
from edge_run.errors import UsageError

from . import api, engines
from .build import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from edge_run.bundle.bundle import Bundle

    from .build import Built
    from .device import Gpu
    from .engines import Engine, Options


class Compiled(NamedTuple):
    """An engine that exists, built now or before.

    Attributes
    ----------
    name
        ``<member>.<precision>``.
    path
        The engine file.
    engine
        The record beside it.
    seconds
        Time spent on building it; 0 where an engine of the same key was kept.
    """

    name: str
    path: Path
    engine: Engine
    seconds: float


def compile_bundle(
    bundle: Bundle,
    precisions: Sequence[str],
    gpu: Gpu,
    options: Callable[[str], Options],
    *,
    force: bool = False,
    progress: Callable[[str, float], None] = lambda name, share: None,  # noqa: ARG005
) -> Iterator[Compiled]:
    """Build an engine per member and precision, one after another; each is kept as soon as it is built.

    Parameters
    ----------
    precisions
        Precisions of the bundle, as :func:`edge_run.backends.tensorrt.choice.choose` returns them.
    gpu
        The GPU that :func:`edge_run.backends.tensorrt.device.probe` returned.
    options
        Returns the builder's options for a precision.
    force
        Build even where there is an engine of the same key.
    progress
        Called with an engine's name and the share of its build that is done, from any thread.

    Raises
    ------
    BackendError
        TensorRT cannot read or build a network, or the engine cannot be kept.
    KeyboardInterrupt
        The build was stopped; what was built before is kept.
    """
    trt: api.TensorRT = api.tensorrt()
    for precision in precisions:
        for member in bundle.manifest.members:
            network = Network.read(bundle, member, precision)
            name, path = network.name, engines.engine_path(network)
            key = engines.key_of(network, str(trt.__version__), gpu, options(precision))
            kept = None if force else engines.read_record(path)
            if kept is not None and kept.key == key and engines.read_plan(path, kept):
                yield Compiled(name, path, kept, 0.0)
                continue
            begin = time.perf_counter()
            built = _interruptible(network, key.options, path.parent, functools.partial(progress, name))
            engine = engines.Engine(
                key, hashlib.sha256(built.plan).hexdigest(), len(built.plan), built.convolutions, built.quantised
            )
            engines.save(path, built.plan, engine)
            engines.write(path.with_name(engines.TIMING_CACHE), built.timing_cache)
            yield Compiled(name, path, engine, time.perf_counter() - begin)


def _interruptible(network: Network, options: Options, folder: Path, progress: Callable[[float], None]) -> Built:
    """Build in another thread, so that this one receives Ctrl-C and can stop TensorRT."""
    stopped = threading.Event()
    cache = engines.read_timing_cache(folder)
    with ThreadPoolExecutor(1, thread_name_prefix="build") as pool:
        building = pool.submit(build, network, options, timing_cache=cache, progress=progress, stopped=stopped)
        try:
            built = building.result()
        except KeyboardInterrupt:
            stopped.set()
            raise
    if built is None:
        raise KeyboardInterrupt
    # TensorRT's own count ends a little below 1.
    progress(1.0)
    return built


def options_for(batch: int, workspace_mib: int, *, dla: bool) -> Callable[[str], Options]:
    """Return the builder's options as a function of the precision.

    Raises
    ------
    UsageError
        The deep learning accelerator would need more than one shape.
    """
    if dla and batch != 1:
        raise UsageError("the deep learning accelerator takes one shape only", hint="--dla without --batch")

    def options(precision: str) -> Options:
        tf32 = engines.allows_tf32(precision)
        return engines.Options(tf32=tf32, batch=batch, workspace_mib=workspace_mib, dla=dla)

    return options
