"""Engines that ``edge-run compile`` built, as Triton's ``model.plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.backends.network import Network
from edge_run.backends.table import supported
from edge_run.backends.tensorrt import engines
from edge_run.errors import BackendError

from .settings import TENSORRT

if TYPE_CHECKING:
    from edge_run.bundle.bundle import Bundle

    from .members import VotingMember


class Plan(NamedTuple):
    """An engine for Triton.

    Attributes
    ----------
    data
        The file.
    batch
        Largest batch that it was built for.
    tensorrt, gpu
        What it runs on: this version of TensorRT and this GPU, and no other.
    """

    data: bytes
    batch: int
    tensorrt: str
    gpu: str


def compiled_precision(bundle: Bundle) -> str | None:
    """Return the best precision of which every member has an engine; None where there is none."""
    for precision in supported(TENSORRT, None, bundle.precisions):
        names = [Network(b"", f"{one}.{precision}", precision, 0, bundle.engines) for one in bundle.members]
        if bundle.engines and all(engines.read_record(engines.engine_path(one)) for one in names):
            return precision
    return None


def read_plan(member: VotingMember) -> Plan:
    """Read the engine of a member, and check that it was built from this network for batches.

    Raises
    ------
    BackendError
        There is none, it was built from another network or for single scans, or it is damaged.
    """
    network = member.network
    path, hint = engines.engine_path(network), f"edge-run compile BUNDLE --precision {network.precision} --batch 8"
    record = engines.read_record(path)
    if record is None:
        raise BackendError(f"there is no engine of {network.name} in {path.parent}", hint=hint)
    if record.key.onnx != network.sha256:
        raise BackendError(f"the engine {path.name} was built from another network", hint=hint)
    if record.key.options.batch == 1:
        raise BackendError(f"the engine {path.name} takes single scans alone, and Triton sends batches", hint=hint)
    data = engines.read_plan(path, record)
    if data is None:
        raise BackendError(f"{path} is not the engine that its record describes", hint=f"{hint} --force")
    return Plan(data, record.key.options.batch, record.key.tensorrt, record.key.gpu)
