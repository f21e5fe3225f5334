"""Backends: which there are (`BACKENDS`), which one answers (`Selection`), and a network loaded on it (`Runner`).

A new backend is one subclass of `Runner` in a module here, and one entry of ``BACKENDS`` in `table`.
"""

from .base import Runner, Unavailable
from .choice import Availability, Choice, Selection, choose
from .network import Network, Outputs
from .table import AUTO, BACKENDS, CPU, Backend, open_runner, unavailable

__all__ = [
    "AUTO",
    "BACKENDS",
    "CPU",
    "Availability",
    "Backend",
    "Choice",
    "Network",
    "Outputs",
    "Runner",
    "Selection",
    "Unavailable",
    "choose",
    "open_runner",
    "unavailable",
]
