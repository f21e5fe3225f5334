"""What a server measures of itself, as Prometheus reads it: names and counts, nothing of a patient or a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

if TYPE_CHECKING:
    from edge_run.cases.drift import Drift
    from edge_run.voting.prediction import Prediction, Source

    from .slots import Slots

    Outcome = Literal["answered", "refused", "failed"]

REQUEST_BUCKETS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STAGE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
MEMBERS = tuple(float(count) for count in range(1, 9))

# The time at which each counter began would double the series, and nothing reads it.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counts and times of one server, from any thread.

    Labels are names of interfaces, reasons, flags, classes, stages and measures, which are few and known; no case, no
    hash and no name of a file, a client or a token is one.

    Parameters
    ----------
    source
        Which software answers.

    Attributes
    ----------
    registry
        What Prometheus gets.
    """

    def __init__(self, source: Source) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Gauge(
            "edge_run_build_info", "The software that answers.", ["version", "bundle", "precision"], registry=registry
        )
        build.labels(source.version, source.bundle, source.precision).set(1)
        self._requests = Counter(
            "edge_run_requests", "Requests by interface and outcome.", ["interface", "outcome"], registry=registry
        )
        self._seconds = Histogram(
            "edge_run_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ["interface"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self._refused = Counter("edge_run_refused", "Requests that were refused.", ["reason"], registry=registry)
        self._progress = Gauge("edge_run_scans_in_progress", "Requests that have a slot.", registry=registry)
        self._queue = Gauge("edge_run_queue_length", "Requests that wait for a slot.", registry=registry)
        self._stages = Histogram(
            "edge_run_stage_duration_seconds",
            "Time of one stage of an answer.",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self._flags = Counter("edge_run_flags", "Flags that were raised.", ["flag"], registry=registry)
        self._labels = Counter("edge_run_label", "Answers by their label.", ["label"], registry=registry)
        self._members = Histogram(
            "edge_run_members_asked", "Members that answered a scan.", buckets=MEMBERS, registry=registry
        )
        self._cases = CaseGauges(registry)

    def request(self, interface: str, outcome: Outcome, seconds: float) -> None:
        """Count a request that is over.

        Parameters
        ----------
        interface
            ``v1``, ``oip`` or ``page``.
        seconds
            How long it took.
        """
        self._requests.labels(interface, outcome).inc()
        self._seconds.labels(interface).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a request that was refused; ``reason`` is one of few words, such as ``busy`` or ``token``."""
        self._refused.labels(reason).inc()

    def answered(self, prediction: Prediction) -> None:
        """Count an answer: its label, its flags, the members that were asked, and the time of each stage."""
        self._labels.labels(prediction.label).inc()
        for flag in prediction.flags:
            self._flags.labels(flag.name).inc()
        self._members.observe(len(prediction.members))
        for stage, ms in prediction.timing_ms.items():
            self._stages.labels(stage).observe(ms / 1e3)

    def watch(self, slots: Slots) -> None:
        """Ask slots how many requests wait and work, whenever Prometheus asks."""
        self._queue.set_function(lambda: slots.waiting)
        self._progress.set_function(lambda: slots.working)

    def case_log(self, entries: int, waiting: int, drifts: tuple[Drift, ...] = ()) -> None:
        """Tell about the case log.

        Parameters
        ----------
        entries
            How many it has.
        waiting
            Flagged cases that nobody has reviewed.
        drifts
            How far its newest cases are from the validation scans.
        """
        self._cases.entries.set(entries)
        self._cases.waiting.set(waiting)
        for drift in drifts:
            for one in drift.comparisons:
                if one.psi is not None:
                    self._cases.psi.labels(one.name).set(one.psi)

    def verified(self, unix_seconds: float) -> None:
        """Tell when the case log was last verified without a fault."""
        self._cases.verified.set(unix_seconds)


class CaseGauges:
    """What is measured of the case log from time to time; 0 until then."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.entries = Gauge("edge_run_case_log_entries", "Entries of the case log.", registry=registry)
        self.waiting = Gauge("edge_run_cases_to_review", "Flagged cases without a note.", registry=registry)
        self.verified = Gauge(
            "edge_run_case_log_verified_timestamp_seconds",
            "When every hash of the case log was last recomputed without a fault; 0: not since the start.",
            registry=registry,
        )
        self.psi = Gauge(
            "edge_run_drift_psi",
            "Population stability index between the newest cases and the validation scans.",
            ["measure"],
            registry=registry,
        )
