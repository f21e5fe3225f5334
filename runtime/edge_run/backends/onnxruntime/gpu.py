"""A session of ONNX Runtime that one provider for a GPU runs whole, without a silent fall to the CPU."""

from __future__ import annotations

import ctypes
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from edge_run.backends import installed
from edge_run.backends.base import Unavailable, one_line
from edge_run.backends.table import BACKENDS
from edge_run.errors import BackendError, EdgeRunError
from edge_run.machine.accelerators import has_nvidia_gpu

from .session import FATAL_ONLY, SessionRunner, session_options

if TYPE_CHECKING:
    import onnxruntime as ort

    from edge_run.backends.network import Network

NO_GPU = "this machine shows no NVIDIA GPU"
DRIVER = "install NVIDIA's driver, and pass the GPU into the container if this is one; edge-run doctor"


class GpuRunner(SessionRunner):
    """A network on one provider and no other; a subclass names the provider and its options.

    ONNX Runtime goes on with the CPU where a provider does not load, and says so at most in its log. Kernels that were
    not built for this GPU show only when the network runs: so it is run once when it is opened.

    Attributes
    ----------
    provider
        The provider's name in ONNX Runtime.
    part
        The provider's part of ``libonnxruntime_providers_*``; empty for a plugin.
    """

    provider: ClassVar[str]
    part: ClassVar[str] = ""

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Look for the provider's file and for a GPU; whether they fit shows when a network is opened."""
        if installed.locate(BACKENDS[cls.backend].part) is None:
            return Unavailable(cls._not_installed(), cls.install, installed=False)
        return None if has_nvidia_gpu() else Unavailable(NO_GPU, DRIVER, installed=True)

    @classmethod
    def _not_installed(cls) -> str:
        return f"the onnxruntime installed here was built without {cls.part}"

    @abstractmethod
    def _options(self, network: Network) -> dict[str, Any]:
        """Return the provider's options; values are made strings where ONNX Runtime wants them."""

    def _devices(self) -> list[Any]:
        """Return a plugin's devices; empty for a provider that is part of ONNX Runtime."""
        return []

    def _hint(self, options: dict[str, Any]) -> str:  # noqa: ARG002
        return self.install

    def _open(self, network: Network, threads: int) -> None:
        import numpy as np

        options, devices = self._options(network), self._devices()
        try:
            self._session = self._start(network, options, devices, threads)
            taken_by = self._session.get_providers()[0]
            self._session.disable_fallback()
        except Exception as error:
            raise self._refused(one_line(error), options) from error
        if taken_by != self.provider:
            raise self._refused(f"ONNX Runtime fell to {taken_by}", options)
        try:
            self.run(np.zeros((1, 1, network.size, network.size), np.uint8))
        except EdgeRunError as error:
            self.close()
            raise BackendError(error.message, hint=self._hint(options)) from error

    def _start(
        self, network: Network, settings: dict[str, Any], devices: list[Any], threads: int
    ) -> ort.InferenceSession:
        import onnxruntime as ort

        if not devices and self.provider not in ort.get_available_providers():
            raise RuntimeError(f"this onnxruntime was built without {self.provider}")
        # For all sessions: libraries that do not load are written to stderr before the session's own level counts.
        ort.set_default_logger_severity(FATAL_ONLY)
        options = session_options(threads)
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        # With its own fallback on, ONNX Runtime prints to stdout, where the answers go.
        if devices:
            options.add_provider_for_devices(devices, {key: str(value) for key, value in settings.items()})
            return ort.InferenceSession(network.model, options, enable_fallback=0)
        return ort.InferenceSession(network.model, options, providers=[(self.provider, settings)], enable_fallback=0)

    def _refused(self, reason: str, options: dict[str, Any]) -> BackendError:
        reason = _unloadable(self.part) or reason
        return BackendError(
            f"{self.provider} of {self._library()} does not take {self.name}: {reason}", hint=self._hint(options)
        )


def _unloadable(name: str) -> str:
    """Name the shared library that keeps a provider from loading, which ONNX Runtime only logs."""
    shared, own = (installed.locate(installed.provider_library(part)) for part in ("shared", name))
    if not (name and shared and own):
        return ""
    try:
        ctypes.CDLL(shared)
        ctypes.CDLL(own)
    except OSError as error:
        return one_line(error)
    return ""
