"""Start or join a Ray cluster, and decide how many ensembles it can hold.

Ray executes whatever a client sends it: whoever reaches its ports runs code on every node (CVE-2023-48022). A cluster
that this starts listens on 127.0.0.1 alone, asks for a token that nobody else knows, and has no dashboard. A cluster
that is joined is protected by those who started it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_run.errors import BackendError, UsageError
from edge_run.machine.cores import allowed_cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCAL = "local"
CORES_OF_ENSEMBLE = 4
"""Most cores of one ensemble, where nothing else is asked for: its four members run side by side."""
STORE_BYTES = 256 * 2**20
"""Memory for what passes between processes of a cluster on this machine: names of files, and rows."""


class Plan(NamedTuple):
    """How many ensembles a cluster holds, and how many cores each has."""

    ensembles: int
    cores: int


def need_ray(address: str) -> Any:  # noqa: ANN401 - Ray has no types that help here
    """Import Ray for a cluster at this address.

    Raises
    ------
    BackendError
        It is not installed.
    """
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # Ray would hide GPUs from a worker that asked for none, with a warning for each.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address == LOCAL and "ray" not in sys.modules:
        # Ray reads these once, when it is imported.
        os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
        # On Linux too: without it Ray replaces 127.0.0.1 by an address that other machines reach.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
        import ray.data
    except ImportError as error:
        missing = getattr(error, "name", None) or "ray"
        raise BackendError(
            f"--ray needs {missing}, which is not installed", hint="pip install 'edge-run[ray]'"
        ) from error
    return ray


def plan(cpus: Sequence[float], cores: int | None) -> Plan:
    """Decide how many ensembles fit while one logical CPU is left for reading.

    Ray Data reads in tasks of their own. Where ensembles hold every CPU, these wait for ever, and the job hangs without
    a word (ray#44687).

    Parameters
    ----------
    cpus
        Logical CPUs of each node.
    cores
        Of one ensemble; by default those of the smallest node, but one CPU less where the node is alone, and at most
        `CORES_OF_ENSEMBLE`.

    Raises
    ------
    UsageError
        Not even one fits.
    """
    nodes = [int(count) for count in cpus if count >= 1]
    spare = 1 if len(nodes) == 1 else 0
    asked = cores or max(1, min(CORES_OF_ENSEMBLE, min(nodes, default=1) - spare))
    fit = sum(count // asked for count in nodes)
    if fit * asked == sum(nodes):
        fit -= 1
    if fit < 1:
        total = sum(nodes)
        raise UsageError(
            f"Ray has {total} logical CPU{'s' * (total != 1)}: too few for an ensemble on {asked}, and for reading",
            hint=f"ray start --num-cpus={asked + 1}, or fewer --threads, or shards without Ray: --shard 1/1",
        )
    return Plan(fit, asked)


@contextmanager
def cluster(address: str, cores: int | None) -> Iterator[Plan]:
    """Start a cluster on this machine, or join one, and leave it in the end.

    Parameters
    ----------
    address
        `LOCAL`, ``auto`` or the address of a running cluster.
    cores
        Of one ensemble, see :func:`plan`.

    Raises
    ------
    BackendError
        Ray is not installed, or no cluster answers.
    UsageError
        The cluster has too few CPUs.
    """
    ray = need_ray(address)
    # Standard output is for data; Ray tells there which worker died.
    with redirect_stdout(sys.stderr), _local(ray, cores) if address == LOCAL else _joined(ray, address, cores) as found:
        yield found


_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


@contextmanager
def _joined(ray: Any, address: str, cores: int | None) -> Iterator[Plan]:  # noqa: ANN401
    try:
        ray.init(address=address, **_QUIET)
    except Exception as error:
        ray.shutdown()
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackendError(
            f"no Ray cluster answers at {address}: {said}",
            hint="ray start --head, and the same RAY_AUTH_TOKEN here; or --ray local on this machine",
        ) from error
    try:
        nodes = [node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]]
        yield plan(nodes, cores)
    finally:
        ray.shutdown()


@contextmanager
def _local(ray: Any, cores: int | None) -> Iterator[Plan]:  # noqa: ANN401
    """Start a cluster on this machine with one logical CPU more than cores: reading a list takes none worth a core."""
    asked = cores or min(CORES_OF_ENSEMBLE, allowed_cores())
    logical = max(allowed_cores(), asked) + 1
    place = tempfile.mkdtemp(prefix="edge-run-ray-")
    try:
        _start(ray, logical, place)
        yield plan([logical], asked)
    finally:
        ray.shutdown()
        shutil.rmtree(place, ignore_errors=True)


def _start(ray: Any, logical: int, place: str) -> None:  # noqa: ANN401
    """Start Ray here; it gives its processes 30 s, which is not enough on a very busy machine: try once more."""
    for attempt in range(2):
        try:
            ray.init(
                address=LOCAL,
                num_cpus=logical,
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                _node_ip_address="127.0.0.1",
                _temp_dir=place,
                **_QUIET,
            )
        except Exception as error:
            ray.shutdown()
            if attempt:
                raise BackendError(
                    f"Ray does not start: {str(error).strip().splitlines()[0]}",
                    hint="try again when the machine is less busy",
                ) from error
        else:
            return
