"""The engine cache: ``<member>.<precision>.engine``, and beside it a ``.json``, the record of what it was built for.

An engine is a program for one GPU and one version of TensorRT. Before it is used, its owner and
mode are checked, its record is compared with this machine field by field, and its hash with its record.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import msgspec

from edge_run._files import replace_file
from edge_run.backends.ownership import require_ours
from edge_run.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends.network import Network

    from .device import Gpu

MAX_RECORD_BYTES = 64 * 2**10
MAX_ENGINE_BYTES = 4 * 2**30
TIMING_CACHE = "timing.cache"
OPTIMIZATION_LEVEL = 3
WORKSPACE_MIB = 1024


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Options(_Record, frozen=True):
    """Options of the builder.

    Attributes
    ----------
    tf32
        Whether FP32 convolutions may round to 10 bits of mantissa, as they do by default; never for ``fp32``.
    batch
        Largest batch; the smallest is 1. A batch of 1 is static, and then run as a CUDA graph.
    workspace_mib
        Memory that a layer may use for itself, MiB.
    dla
        Run on the deep learning accelerator whatever it can run.
    optimization_level
        TensorRT's: 0 builds fastest, 5 tries hardest.
    """

    tf32: bool
    batch: int = 1
    workspace_mib: int = WORKSPACE_MIB
    dla: bool = False
    optimization_level: int = OPTIMIZATION_LEVEL


def allows_tf32(precision: str) -> bool:
    """Return whether TF32 may be used at a precision: at every one but ``fp32``."""
    return precision != "fp32"


class Key(_Record, frozen=True):
    """Everything that an engine depends on.

    Attributes
    ----------
    onnx
        SHA-256 of the network.
    tensorrt
        Version of TensorRT, as exact as it gives it.
    gpu, compute_capability
        See `edge_run.backends.tensorrt.device.Gpu`.
    options
        Options of the builder.
    """

    onnx: str
    tensorrt: str
    gpu: str
    compute_capability: str
    options: Options


class Engine(_Record, frozen=True):
    """The record beside an engine.

    Attributes
    ----------
    key
        What the engine was built from and for.
    sha256, bytes
        SHA-256 and size of the engine file.
    convolutions, quantised
        The number of convolutions of the network, and of those that compute in INT8.
    """

    key: Key
    sha256: str
    bytes: int
    convolutions: int
    quantised: int


def key_of(network: Network, tensorrt: str, gpu: Gpu, options: Options) -> Key:
    """Return the key of a network's engine on this machine."""
    return Key(network.sha256, tensorrt, gpu.name, gpu.compute_capability, options)


def differences(built: Key, here: Key) -> list[str]:
    """Name the fields in which two keys differ, with both values."""
    before, now = _flat(built), _flat(here)
    return [f"{name} was {before[name]} and is {now[name]}" for name in now if before[name] != now[name]]


def engine_path(network: Network) -> Path:
    """Return the path of a network's engine.

    Raises
    ------
    BackendError
        There is no folder for engines.
    """
    if network.engines is None:
        raise BackendError(f"{network.name} has no folder for engines", hint="open it from a bundle")
    stem = network.name.removesuffix(f".{network.precision}")
    return network.engines / f"{stem}.{network.precision}.engine"


def load(network: Network, tensorrt: str, gpu: Gpu) -> tuple[Engine, bytes]:
    """Read the record and the engine of a network, both checked.

    Raises
    ------
    BackendError
        It is missing, was built from or for something else, is not the file that its record describes, or another
        user owns it or may write to it.
    """
    path, hint = engine_path(network), f"edge-run compile BUNDLE --precision {network.precision}"
    engine = read_record(path)
    if engine is None:
        raise BackendError(f"there is no engine of {network.name} for this device in {path.parent}", hint=hint)
    # Batch, workspace and accelerator are the choice of whoever built it; the rest has one right value here.
    options = msgspec.structs.replace(
        engine.key.options, tf32=allows_tf32(network.precision), optimization_level=OPTIMIZATION_LEVEL
    )
    stale = differences(engine.key, key_of(network, tensorrt, gpu, options))
    if stale:
        raise BackendError(f"the engine {path.name} is stale: {'; '.join(stale)}", hint=hint)
    plan = read_plan(path, engine)
    if plan is None:
        raise BackendError(f"{path} is not the engine that its record describes", hint=f"{hint} --force")
    return engine, plan


def read_record(engine: Path) -> Engine | None:
    """Read the record beside an engine; None where it is missing or cannot be read."""
    raw = _read(engine.with_suffix(".json"), MAX_RECORD_BYTES)
    try:
        return msgspec.json.decode(raw, type=Engine) if raw else None
    except (msgspec.DecodeError, ValueError):
        return None


def read_plan(path: Path, engine: Engine) -> bytes | None:
    """Read an engine; None where it is not the file that the record describes."""
    plan = _read(path, engine.bytes)
    return plan if plan is not None and hashlib.sha256(plan).hexdigest() == engine.sha256 else None


def save(path: Path, plan: bytes, engine: Engine) -> None:
    """Write an engine and its record, each atomically, readable by their owner only.

    Raises
    ------
    BackendError
        The folder cannot be written.
    """
    write(path, plan)
    write(path.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(engine), indent=2))


def write(path: Path, data: bytes) -> None:
    """Write a file of the cache atomically.

    Raises
    ------
    BackendError
        The folder cannot be written.
    """
    try:
        replace_file(path, data)
    except OSError as error:
        raise BackendError(
            f"engines cannot be kept in {path.parent}: {error.strerror}",
            hint="give this user the right to write there, or copy the bundle to a folder where it has that right",
        ) from error


def read_timing_cache(folder: Path) -> bytes:
    """Read the timing cache of earlier builds; empty where there is none."""
    return _read(folder / TIMING_CACHE, MAX_ENGINE_BYTES) or b""


def _read(path: Path, limit: int) -> bytes | None:
    """Read a file of ours that is no longer than the limit; None where there is none."""
    try:
        with path.open("rb") as file:
            require_ours(path.parent, path.parent.stat())
            require_ours(path, os.fstat(file.fileno()))
            data = file.read(limit + 1)
    except OSError:
        return None
    return data if len(data) <= limit else None


def _flat(key: Key) -> dict[str, object]:
    fields = msgspec.to_builtins(key)
    options = fields.pop("options")
    return {**fields, **options}
