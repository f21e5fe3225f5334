"""The node's figures for Prometheus: names of peers and destinations, nothing of a patient or a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .status import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from .node import Node

CONTENT_TYPE = CONTENT_TYPE_LATEST
_COUNTED = {
    "associations": ("edge_run_dicom_associations", "Associations by peer and what became of them."),
    "connections": ("edge_run_dicom_connections", "Connections that ended before they asked for an association."),
    "echoes": ("edge_run_dicom_echoes", "C-ECHO requests that were answered."),
    "instances": ("edge_run_dicom_instances", "Objects of C-STORE by sender and what became of them."),
    "series": ("edge_run_series", "Answers to series by sender and outcome."),
    "deliveries": ("edge_run_deliveries", "Attempts to deliver an object, by destination and outcome."),
    "removed": ("edge_run_series_removed", "Series removed from inbox and outbox."),
}


class _Collector:
    """Reads the figures when they are asked for."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        for kind, (name, text) in _COUNTED.items():
            family = CounterMetricFamily(name, text, labels=["peer", "outcome"])
            for (peer, outcome), n in self._node.counters.of(kind).items():
                family.add_metric([peer, outcome], n)
            yield family
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        status = status_of(self._node.database)
        simple = {
            "edge_run_dicom_associations_open": ("Associations that are open.", self._node.receiver.open),
            "edge_run_dicom_connections_silent": ("Connections that say nothing.", self._node.listener.waiting),
            "edge_run_series_waiting": ("Series that wait for an answer.", status["series"].get("receiving", 0)),
            "edge_run_series_waiting_oldest_seconds": (
                "Since when the oldest waits.", status["oldest_waiting_seconds"] or 0,
            ),
            "edge_run_series_unanswerable": (
                "Series without sound identifiers, on which no report is possible.",
                status["series"].get("unanswerable", 0),
            ),
            "edge_run_inbox_instances": ("Objects in the inbox.", status["instances"]),
        }  # fmt: skip
        for name, (text, value) in simple.items():
            yield GaugeMetricFamily(name, text, value=value)
        length = GaugeMetricFamily("edge_run_outbox_length", "Objects in the outbox.", labels=["destination", "state"])
        oldest = GaugeMetricFamily(
            "edge_run_outbox_oldest_seconds", "Age of the oldest object not delivered.", labels=["destination"]
        )
        for one in self._node.settings.destinations:
            found = status["destinations"].get(one.name, {})
            for state in ("queued", "sent", "stuck"):
                length.add_metric([one.name, state], found.get(state, 0))
            oldest.add_metric([one.name], found.get("oldest_seconds") or 0)
        yield from (length, oldest)


def metrics_of(node: Node) -> bytes:
    """Return the figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(node))
    return generate_latest(registry)
