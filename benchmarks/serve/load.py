"""Throughput at eight clients beside predict_many's, and latency at half of it.

The ways take turns, round by round, because a machine's speed drifts; beside the time on the wall stands the time of
all cores, which says the same on a machine that does other things as well. At half load, requests come evenly spaced.
"""

from __future__ import annotations

import http.client
import math
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_run import CaseLog, Ensemble
from edge_run.doctor import examine

from .hey import hey
from .server import Server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

LEAST_SHARE, MOST_TAIL = 0.9, 2.0


class Round(NamedTuple):
    """One round of one way: scans a second, and milliseconds of all cores for each."""

    rate: float
    core_ms: float


def options(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("--bundle", default="ct-covid")
    parser.add_argument("--scan", type=Path, default=Path("samples/ct.png"))
    parser.add_argument("--scans", type=int, default=160, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--half", type=int, default=300, help="requests at half load; 0 leaves it out")


def main(args: argparse.Namespace) -> bool:
    """Print the figures, and return whether they are as promised."""
    machine, data = examine(), args.scan.read_bytes()
    print(f"{machine.cpu}, {machine.cores} cores; {args.bundle}; {args.rounds} rounds of {args.scans} x {args.scan}")
    with (
        tempfile.TemporaryDirectory() as folder,
        Ensemble.load(args.bundle) as ensemble,
        CaseLog.open(Path(folder) / "own.sqlite") as log,
        Server(args.bundle, Path(folder) / "serve.sqlite") as server,
    ):

        def alone() -> None:
            assert sum(1 for one in ensemble.predict_many([data] * args.scans) if one.prediction) == args.scans

        def logged() -> None:
            for one in ensemble.predict_many([data] * args.scans):
                assert one.prediction
                log.append(one.prediction)

        ways: dict[str, Callable[[], Round]] = {
            "predict_many": lambda: _own(alone, args.scans),
            "predict_many and the case log": lambda: _own(logged, args.scans),
            f"serve, {args.clients} clients": lambda: _served(server, args.scan, args.scans, args.clients),
        }
        for way in ways.values():
            way()
        rounds: dict[str, list[Round]] = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, way in ways.items():
                rounds[name].append(way())
        share = _print_rounds(rounds)
        kept = share >= LEAST_SHARE
        if args.half:
            rate = statistics.median(one.rate for one in rounds[f"serve, {args.clients} clients"])
            kept &= _print_half(_half_load(server, data, rate / 2, args.half, args.clients), rate / 2)
    return kept


def _own(work: Callable[[], None], scans: int) -> Round:
    begin, busy = time.perf_counter(), time.process_time()
    work()
    return Round(scans / (time.perf_counter() - begin), (time.process_time() - busy) * 1e3 / scans)


def _served(server: Server, scan: Path, scans: int, clients: int) -> Round:
    before = server.usage().cpu_s
    done = hey(f"{server.url}/v1/scans", scan, scans, clients)
    assert done.statuses == {"200": scans}, done.statuses
    return Round(done.rate, (server.usage().cpu_s - before) * 1e3 / scans)


def _print_rounds(rounds: dict[str, list[Round]]) -> float:
    """Print one line for each way, and return serve's share of the first one's throughput."""
    base, *_, served = rounds.values()
    print(f"{'':32} {'scans/s':>8} {'best':>8} {'share':>7} {'core ms':>8}")
    for name, found in rounds.items():
        # In each round by itself: so the share does not see that the machine drifts.
        share = statistics.median(one.rate / first.rate for one, first in zip(found, base, strict=True))
        rates, core = [one.rate for one in found], statistics.median(one.core_ms for one in found)
        print(f"{name:32} {statistics.median(rates):8.1f} {max(rates):8.1f} {share:7.1%} {core:8.1f}")
    share = statistics.median(one.rate / first.rate for one, first in zip(served, base, strict=True))
    print(f"promised: at least {LEAST_SHARE:.0%} of predict_many: {'kept' if share >= LEAST_SHARE else 'BROKEN'}")
    return share


def _half_load(server: Server, data: bytes, rate: float, requests: int, clients: int) -> list[float]:
    """Ask at a fixed rate, each request at its time whatever became of the others; return the latencies."""
    latencies, lock = [float("nan")] * requests, threading.Lock()
    begin, numbers = time.perf_counter() + 0.2, iter(range(requests))

    def client() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            due = begin + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            # The server closes one that is idle for seconds, which a client at a low rate is.
            connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
            connection.request("POST", "/v1/scans", data)
            response = connection.getresponse()
            response.read()
            connection.close()
            if response.status == 200:
                # From when it was due: a client that is late must not hide it.
                latencies[number] = time.perf_counter() - due

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(map(math.isnan, latencies)):
        raise SystemExit("a request at half load was not answered")
    return latencies


def _print_half(latencies: list[float], rate: float) -> bool:
    cuts = statistics.quantiles(latencies, n=100)
    median, p95, p99 = cuts[49] * 1e3, cuts[94] * 1e3, cuts[98] * 1e3
    kept = p99 <= MOST_TAIL * median
    print(f"half load, {rate:.1f} requests/s: median {median:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    print(f"promised: p99 at most {MOST_TAIL:g} times the median: {p99 / median:.2f}, {'kept' if kept else 'BROKEN'}")
    return kept
