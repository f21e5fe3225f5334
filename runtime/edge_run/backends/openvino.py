"""OpenVINO on the CPU, by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.backends.base import Missing

from .parts import located

if TYPE_CHECKING:
    from edge_run.backends.base import Network, Runner

INSTALL = "pip install 'edge-run[openvino]'"


def missing() -> Missing | None:
    """Say what keeps it from running here: its package."""
    return None if located("openvino") else Missing("the package openvino is not installed", INSTALL, installed=False)


def open_runner(network: Network, *, threads: int) -> Runner:
    """Compile a network with ``threads`` threads.

    Raises
    ------
    BackendError
        OpenVINO is missing or cannot compile it, or the model would read other files.
    """
    from ._openvino import compile_network

    return compile_network(network, threads=threads)
