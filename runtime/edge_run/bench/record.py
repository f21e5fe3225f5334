"""What a benchmark writes down: every raw sample, and what it was measured on."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

SCHEMA = 1
MEMBER, ENSEMBLE, PREDICT = "member", "ensemble", "predict"


class Variant(msgspec.Struct, frozen=True):
    """One thing to measure.

    Attributes
    ----------
    what
        ``member``: one network. ``ensemble``: networks, vote and flags, from a preprocessed scan. ``predict``: the same
        from the file, read and decoded.
    member, exit
        Which network; else how the ensemble may stop.
    """

    backend: str
    precision: str
    what: str
    member: str = ""
    exit: str = ""

    @property
    def name(self) -> str:
        """As a person reads it: ``resnet18``, ``predict, certified``."""
        return self.member or f"{self.what}, {self.exit}"


class Block(msgspec.Struct, frozen=True):
    """What one fresh process measured.

    Attributes
    ----------
    load_ms
        Bundle read, hashed and opened on the backend; Python and its packages were imported before.
    first_ms
        The first answer.
    warm_ms
        Each answer after the warm-up, in order, one scan at a time.
    seconds
        Wall time of all of ``warm_ms``.
    asked
        Members that answered a scan, on average.
    peak_bytes
        Largest resident memory of the process, the GPU's not counted; None where the system does not tell.
    energy_j
        Over ``seconds``, by meter; joules of everything the meter sees, idle or not. Empty where there is no meter.
    cold_ms
        Of ``predict``: a whole ``edge-run predict`` of one scan, from its start to its end.
    """

    load_ms: float
    first_ms: float
    warm_ms: tuple[float, ...]
    seconds: float
    asked: float
    peak_bytes: int | None
    energy_j: dict[str, float]
    cold_ms: float | None = None


class Summary(msgspec.Struct, frozen=True):
    """What the blocks of a variant come to; see :mod:`edge_run.bench.summary`.

    Attributes
    ----------
    samples
        Warm answers in all blocks.
    block_medians_ms
        Of each block's warm answers.
    spread
        Interquartile range of the block medians, as a share of their median.
    unsteady
        The spread is over the bound of the conditions: the figures should not be trusted.
    per_second
        Scans answered one after another.
    energy_j
        Of one answer, by meter.
    """

    samples: int
    p50_ms: Annotated[float, msgspec.Meta(gt=0)]
    p90_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float
    block_medians_ms: tuple[float, ...]
    spread: float
    unsteady: bool
    load_ms: float
    first_ms: float
    cold_ms: float | None
    peak_bytes: int | None
    asked: float
    energy_j: dict[str, float]


class Result(msgspec.Struct, frozen=True):
    """One variant, measured or failed.

    Attributes
    ----------
    threads
        Of each member, where it computes on the CPU.
    artefact_bytes
        Of the ONNX files.
    summary
        None where nothing was measured.
    error
        Why the variant stopped; empty where it did not.
    """

    variant: Variant
    threads: dict[str, int]
    artefact_bytes: int
    summary: Summary | None
    blocks: tuple[Block, ...]
    error: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """A backend that cannot run here, or with a precision that it does not run; and what mends it."""

    backend: str
    precision: str
    why: str
    hint: str


class Conditions(msgspec.Struct, frozen=True):
    """What a measurement depends on, apart from machine and bundle.

    Attributes
    ----------
    affinity
        Cores the process may run on.
    cgroup_cores
        What the cgroup's quota comes to; None without one.
    threads
        Cores that were given to the networks.
    governor
        How the system sets the clock rate; empty where it does not tell.
    load
        The system's load averages over one minute, before and after.
    rounds, min_time_s, min_count
        Each variant had so many blocks, at least so many seconds and answers in all.
    unsteady_over
        Spread from which a figure is called unsteady.
    scans, drawn, scans_sha256
        How many; whether they are edge-run's drawings; a hash of the hashes of all.
    """

    affinity: tuple[int, ...]
    cgroup_cores: float | None
    threads: int
    governor: str
    load: tuple[float, float]
    rounds: int
    min_time_s: float
    min_count: int
    warm_up: int
    unsteady_over: float
    scans: int
    drawn: bool
    scans_sha256: str


class Record(msgspec.Struct, frozen=True):
    """All of ``edge-run bench --json``.

    Attributes
    ----------
    created
        UTC.
    machine
        What ``edge-run doctor --json`` says.
    """

    schema: int
    created: str
    command: str
    bundle: str
    bundle_sha256: str
    machine: dict[str, Any]
    conditions: Conditions
    results: tuple[Result, ...]
    left_out: tuple[LeftOut, ...]
