"""One network, loaded on one backend.

A backend is a subclass of `Runner` with three methods: ``_open``, ``_infer`` and ``_close``. Whatever is common to all
backends is here, once: the checks of a batch and of the answer, the wrapping of a library's errors, and closing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from edge_run.errors import BackendError, EdgeRunError
from edge_run.machine.fork import ForkGuard

from .checks import OUTPUT_HINT, check_batch, check_outputs, require_self_contained

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    from .network import Network, Outputs

_MAX_WORDS = 400


class Unavailable(NamedTuple):
    """What keeps a backend from running on this machine.

    Attributes
    ----------
    reason, hint
        As the message and the hint of :class:`edge_run.errors.EdgeRunError`.
    installed
        Whether parts of the backend are installed, so that an answer from another backend must name it.
    """

    reason: str
    hint: str
    installed: bool


class Runner(ABC):
    """A network that is loaded on a backend; a context manager that closes it.

    Parameters
    ----------
    network
        What to load.
    threads
        Threads to compute with, on a backend that uses the CPU.

    Attributes
    ----------
    backend
        The backend's name in `edge_run.backends.BACKENDS`.
    library
        The name of the library that computes, for errors.
    install
        The command that installs what the backend needs, the hint of every failure to load.

    Raises
    ------
    BundleError
        The network's file refers to other files.
    BackendError
        The network cannot be loaded on this backend.
    """

    backend: ClassVar[str]
    library: ClassVar[str]
    install: ClassVar[str]

    def __init__(self, network: Network, *, threads: int) -> None:
        require_self_contained(network)
        self.name, self.size = network.name, network.size
        # Without the file itself, which the library has read.
        self._network = network._replace(model=b"")
        self._closed, self._fork = False, ForkGuard(network.name)
        try:
            self._open(network, threads)
        except EdgeRunError:
            raise
        # Each library raises its own classes, which share no base below Exception.
        except Exception as error:
            raise BackendError(
                f"{self._library()} cannot load {self.name}: {one_line(error)}", hint=self.install
            ) from error

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return what keeps the backend from running on this machine, without importing its library; else None."""
        return None

    def run(self, batch: NDArray[np.uint8]) -> Outputs:
        """Run a batch of preprocessed scans.

        Parameters
        ----------
        batch
            ``[N, 1, size, size] uint8``, N at least 1.

        Raises
        ------
        ValueError
            The batch has another shape or dtype.
        RuntimeError
            The runner is closed.
        UsageError
            The runner was opened before this process was forked.
        BackendError
            The backend fails.
        BundleError
            The network returns another shape or dtype than a bundle's network, or numbers that are not finite.
        """
        check_batch(self.name, self.size, batch)
        if self._closed:
            raise RuntimeError(f"{self.name} is closed")
        self._fork.check()
        try:
            outputs = self._infer(batch)
        except EdgeRunError:
            raise
        except Exception as error:
            raise BackendError(
                f"{self.name} fails in {self._library()}: {one_line(error)}", hint=OUTPUT_HINT
            ) from error
        check_outputs(self._network, self.backend, len(batch), outputs)
        return outputs

    def cancel(self) -> None:  # noqa: B027 - not every library can
        """End calls that are running in other threads, where the library can; they raise a BackendError."""

    def close(self) -> None:
        """Release what the backend holds; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        # In a forked child a library would wait for threads that do not exist there.
        if not self._fork.forked:
            self._close()

    @abstractmethod
    def _open(self, network: Network, threads: int) -> None:
        """Load the network; whatever is raised becomes a BackendError."""

    @abstractmethod
    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        """Run a batch that has been checked; whatever is raised becomes a BackendError."""

    @abstractmethod
    def _close(self) -> None:
        """Release what `_open` took."""

    def _library(self) -> str:
        """Return the library's name, and its version where a message about it needs it."""
        return self.library

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def one_line(error: object) -> str:
    """Return an error's text in one line of bounded length: a library's errors run over many."""
    words = " ".join(str(error).split())
    return words if len(words) <= _MAX_WORDS else f"{words[:_MAX_WORDS]}..."
