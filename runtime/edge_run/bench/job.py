"""The request for one trial, and its outcome, as they pass between processes."""

from __future__ import annotations

import msgspec

from .record import Trial, Variant


class Job(msgspec.Struct, frozen=True):
    """The request for one trial.

    Attributes
    ----------
    bundle
        Path of the bundle.
    threads
        Cores that the networks may use.
    scans
        Files to answer, in this order and over again.
    seconds, count
        Least duration and least number of warm answers.
    """

    bundle: str
    variant: Variant
    threads: int
    scans: tuple[str, ...]
    seconds: float
    count: int


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of one trial: its measurements, or None and the reason."""

    trial: Trial | None
    error: str = ""
