"""Networks in ONNX Runtime: what its providers share, and how one is opened without a silent fall to the CPU."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import onnxruntime as ort

from edge_run.backends import parts as _parts
from edge_run.backends.base import Outputs, Runner
from edge_run.errors import BackendError

from .providers import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_run.backends.base import Network

# What goes wrong is raised as an exception; ONNX Runtime would write it to stderr as well.
_FATAL_ONLY = 4
# Weights outside the model's own file would be read from here, where no file can be.
_NOWHERE = os.devnull


class SessionRunner(Runner):
    """A session of ONNX Runtime.

    Attributes
    ----------
    most
        Scans in one call, where the provider bounds them; a larger batch is cut.
    """

    most: ClassVar[int | None] = None

    def __init__(self, session: ort.InferenceSession, name: str, size: int) -> None:
        super().__init__(name, size)
        self._session: ort.InferenceSession | None = session

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        most = self.most or len(batch)
        parts = [self._run(batch[n : n + most]) for n in range(0, len(batch), most)]
        return parts[0] if len(parts) == 1 else Outputs(*map(np.concatenate, zip(*parts, strict=True)))

    def _run(self, batch: NDArray[np.uint8]) -> Outputs:
        if self._session is None:
            raise RuntimeError(f"{self.name} is closed")
        try:
            logits, features = self._session.run(["logits", "features"], {"scan": batch})
        # ONNX Runtime raises a class per status code, which share no public base below Exception.
        except Exception as error:
            raise BackendError(
                f"{self.name} fails in ONNX Runtime {ort.__version__}: {one_line(error)}",
                hint="edge-run verify BUNDLE; then choose another --precision or --backend",
            ) from error
        return Outputs(np.asarray(logits), np.asarray(features))

    def close(self) -> None:
        """Free the session."""
        self._session = None


class Provider(NamedTuple):
    """A provider that is to take a whole network.

    Attributes
    ----------
    name
        As ONNX Runtime calls it.
    options
        Its options; values are made strings, as ONNX Runtime wants them.
    hint
        What helps where it does not take the network.
    library
        Its part of ``libonnxruntime_providers_*``; empty for a plugin.
    devices
        A plugin's devices.
    """

    name: str
    options: dict[str, Any]
    hint: str
    library: str = ""
    devices: Sequence[Any] = ()


_R = TypeVar("_R", bound=SessionRunner)


def session_options(threads: int) -> ort.SessionOptions:
    """Options of a session of its own threads, which sleep when they wait and read no file beside the model."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    return options


def open_strictly(kind: type[_R], network: Network, provider: Provider, *, threads: int) -> _R:
    """Load a network on one provider and no other, and run it once.

    ONNX Runtime goes on with the CPU where a provider does not load, and says so at most in its log. Kernels that were
    not built for this GPU show only when the network runs.

    Raises
    ------
    BackendError
        The provider does not load, does not take every node, or fails when it runs.
    """
    try:
        session = _session(network, provider, threads)
        taken_by = session.get_providers()[0]
        session.disable_fallback()
    except Exception as error:
        raise _refused(network, provider, one_line(error)) from error
    if taken_by != provider.name:
        raise _refused(network, provider, f"ONNX Runtime fell to {taken_by}")
    runner = kind(session, network.name, network.size)
    try:
        runner.run(np.zeros((1, 1, network.size, network.size), np.uint8))
    except BackendError as error:
        runner.close()
        raise BackendError(error.message, hint=provider.hint) from error
    return runner


def _session(network: Network, provider: Provider, threads: int) -> ort.InferenceSession:
    if not provider.devices and provider.name not in ort.get_available_providers():
        raise RuntimeError(f"this onnxruntime was built without {provider.name}")
    # Of all sessions: libraries that do not load are written to stderr before the session's own level counts.
    ort.set_default_logger_severity(_FATAL_ONLY)
    options = session_options(threads)
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if provider.devices:
        options.add_provider_for_devices(provider.devices, {key: str(value) for key, value in provider.options.items()})
        return ort.InferenceSession(network.model, options, enable_fallback=0)
    # With its own fallback on, ONNX Runtime prints to stdout, where the answers go.
    return ort.InferenceSession(
        network.model, options, providers=[(provider.name, provider.options)], enable_fallback=0
    )


def _refused(network: Network, provider: Provider, why: str) -> BackendError:
    lacks = _unloadable(provider.library)
    return BackendError(
        f"{provider.name} of ONNX Runtime {ort.__version__} does not take {network.name}: {lacks or why}",
        hint=provider.hint,
    )


def _unloadable(name: str) -> str:
    """Name the shared library that keeps a provider from loading, which ONNX Runtime only logs."""
    shared, own = (_parts.located(_parts.provider(part)) for part in ("shared", name))
    if not (name and shared and own):
        return ""
    try:
        ctypes.CDLL(shared)
        ctypes.CDLL(own)
    except OSError as error:
        return one_line(error)
    return ""
