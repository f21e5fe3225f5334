"""The record of a benchmark: every raw sample, and the conditions of the measurement."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

SCHEMA = 2
MEMBER, ENSEMBLE, PREDICT = "member", "ensemble", "predict"


class Variant(msgspec.Struct, frozen=True):
    """One combination to measure.

    Attributes
    ----------
    what
        ``member``: one network. ``ensemble``: networks, vote and flags, from a preprocessed scan. ``predict``: the same
        from the file, read and decoded.
    member
        The network's name, with ``member``.
    exit
        How the ensemble may stop, with ``ensemble`` and ``predict``.
    """

    backend: str
    precision: str
    what: str
    member: str = ""
    exit: str = ""

    @property
    def name(self) -> str:
        """Return the name of a row: ``resnet18``, ``predict, certified``."""
        return self.member or f"{self.what}, {self.exit}"


class Trial(msgspec.Struct, frozen=True):
    """The measurements of one fresh process.

    Attributes
    ----------
    load_ms
        Time to read, hash and open the bundle on the backend; Python and its packages were imported before.
    first_ms
        Time of the first answer.
    warm_ms
        Time of each answer after the warm-up, in order, one scan at a time.
    seconds
        Sum of ``warm_ms``.
    members_run
        Members that answered a scan, on average.
    peak_bytes
        Largest resident memory of the process, without the GPU's; None where the system does not report it.
    energy_j
        Joules by meter over ``seconds``, of everything that the meter measures, idle or not. Empty without a meter.
    cold_ms
        With ``predict``, time of a whole ``edge-run predict`` of one scan, from start to end; else None.
    """

    load_ms: float
    first_ms: float
    warm_ms: tuple[float, ...]
    seconds: float
    members_run: float
    peak_bytes: int | None
    energy_j: dict[str, float]
    cold_ms: float | None = None


class Summary(msgspec.Struct, frozen=True):
    """The summary of a variant's trials; see :mod:`edge_run.bench.summary`.

    Attributes
    ----------
    samples
        Number of warm answers in all trials.
    trial_medians_ms
        Median of each trial's warm answers.
    spread
        Interquartile range of the trial medians, as a share of their median.
    unsteady
        Whether the spread is over the bound of the conditions, so that the figures should not be trusted.
    per_second
        Scans per second, answered one after another.
    energy_j
        Joules of one answer, by meter.
    """

    samples: int
    p50_ms: Annotated[float, msgspec.Meta(gt=0)]
    p90_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float
    trial_medians_ms: tuple[float, ...]
    spread: float
    unsteady: bool
    load_ms: float
    first_ms: float
    cold_ms: float | None
    peak_bytes: int | None
    members_run: float
    energy_j: dict[str, float]


class Result(msgspec.Struct, frozen=True):
    """The result of one variant.

    Attributes
    ----------
    threads
        Threads of each member, where it computes on the CPU.
    artefact_bytes
        Size of the ONNX files.
    summary
        None where nothing was measured.
    error
        Why the variant failed; empty where it did not.
    """

    variant: Variant
    threads: dict[str, int]
    artefact_bytes: int
    summary: Summary | None
    trials: tuple[Trial, ...]
    error: str = ""


class Skipped(msgspec.Struct, frozen=True):
    """A backend that cannot run here, or a precision that it does not run (else empty), with the reason and a hint."""

    backend: str
    precision: str
    reason: str
    hint: str


class Conditions(msgspec.Struct, frozen=True):
    """The conditions of a measurement, apart from machine and bundle.

    Attributes
    ----------
    affinity
        Cores that the process may run on.
    cgroup_cores
        Cores that the cgroup's CPU quota is worth; None without one.
    threads
        Cores that the networks may use.
    governor
        The governor of the clock rate; empty where the system does not report it.
    load
        The system's load averages over one minute, before and after.
    rounds, min_time_s, min_count
        Trials of each variant, and the least seconds and answers of each in all.
    warm_up
        Answers of each trial after the first that are not counted.
    unsteady_over
        Spread from which a figure is called unsteady.
    scans, synthetic, scans_sha256
        Number of scans; whether edge-run drew them; SHA-256 of the SHA-256 of all.
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
    synthetic: bool
    scans_sha256: str


class Record(msgspec.Struct, frozen=True):
    """The whole output of ``edge-run bench --json``.

    Attributes
    ----------
    created
        Time of the measurement, UTC.
    machine
        The output of ``edge-run doctor --json``.
    skipped
        Backends and precisions that cannot run here.
    """

    schema: int
    created: str
    command: str
    bundle: str
    bundle_sha256: str
    machine: dict[str, Any]
    conditions: Conditions
    results: tuple[Result, ...]
    skipped: tuple[Skipped, ...]
