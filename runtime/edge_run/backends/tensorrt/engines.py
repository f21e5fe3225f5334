"""The engine cache: ``<network>.<precision>.engine``, and beside it a ``.json`` that says what it was built for.

An engine is a program for one GPU and one version of TensorRT. What it was built for is compared field by field before
it is used, and its hash before TensorRT sees it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from edge_run._files import replace_file
from edge_run.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends.base import Network

    from .device import Gpu

MAX_RECORD_BYTES = 64 * 2**10
MAX_ENGINE_BYTES = 4 * 2**30
TIMING_CACHE = "timing.cache"
OPTIMIZATION_LEVEL = 3
WORKSPACE_MIB = 1024


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Options(_Record, frozen=True):
    """What was asked of the builder.

    Attributes
    ----------
    tf32
        Whether FP32 convolutions may round to 10 bits of mantissa, as they do by default; never for ``fp32``.
    batch
        Largest batch; the smallest is 1. A batch of 1 is static, and then run as a CUDA graph.
    workspace_mib
        Memory that a layer may use for itself, MiB.
    dla
        Run what it can on the deep learning accelerator.
    optimization_level
        TensorRT's: 0 builds fastest, 5 tries hardest.
    """

    tf32: bool
    batch: int = 1
    workspace_mib: int = WORKSPACE_MIB
    dla: bool = False
    optimization_level: int = OPTIMIZATION_LEVEL


def allows_tf32(precision: str) -> bool:
    """Whether TF32 may be used at a precision: not where FP32 was asked for."""
    return precision != "fp32"


class Key(_Record, frozen=True):
    """All that an engine depends on.

    Attributes
    ----------
    onnx
        SHA-256 of the network.
    tensorrt
        Version of TensorRT, as exact as it gives it.
    gpu, compute_capability
        See `edge_run.backends.tensorrt.device.Gpu`.
    options
        Of the builder.
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
        What it was built from and for.
    sha256, bytes
        Of the engine file.
    convolutions, quantised
        Of the network, and how many of them compute in INT8.
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
    """Where a network's engine belongs.

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
        It is missing, was built from or for something else, or is not the file its record speaks of.
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
        raise BackendError(f"{path} is not the engine that its record speaks of", hint=f"{hint} --force")
    return engine, plan


def read_record(engine: Path) -> Engine | None:
    """Read the record beside an engine; None where there is none that can be read."""
    raw = _read(engine.with_suffix(".json"), MAX_RECORD_BYTES)
    try:
        return msgspec.json.decode(raw, type=Engine) if raw else None
    except (msgspec.DecodeError, ValueError):
        return None


def read_plan(path: Path, engine: Engine) -> bytes | None:
    """Read an engine; None where the file is not the one that the record speaks of."""
    plan = _read(path, engine.bytes)
    return plan if plan is not None and hashlib.sha256(plan).hexdigest() == engine.sha256 else None


def save(path: Path, plan: bytes, engine: Engine) -> None:
    """Write an engine and its record, each at once or not at all, readable by their owner alone.

    Raises
    ------
    BackendError
        The folder cannot be written.
    """
    write(path, plan)
    write(path.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(engine), indent=2))


def write(path: Path, data: bytes) -> None:
    """Write a file of the cache, at once or not at all.

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
            hint="give this user the right to write there, or copy the bundle to where it has it",
        ) from error


def read_timing_cache(folder: Path) -> bytes:
    """Read what earlier builds learnt of this device; empty where there is nothing."""
    return _read(folder / TIMING_CACHE, MAX_ENGINE_BYTES) or b""


def _read(path: Path, limit: int) -> bytes | None:
    """Read a file that is no longer than the limit."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError:
        return None
    return data if len(data) <= limit else None


def _flat(key: Key) -> dict[str, object]:
    fields = msgspec.to_builtins(key)
    options = fields.pop("options")
    return {**fields, **options}
