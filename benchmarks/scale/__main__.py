"""Throughput per core of shards and Ray beside `predict_many`, and a plan for many machines.

    python -m benchmarks.scale measure [--bundle ct-covid] [--scans 64] [--rounds 5] [--threads N] [--no-ray]
    python -m benchmarks.scale plan [--machine NAME:VCPUS:PRICE]... [--nodes 100] [--scans 100000000]
        [--scan-kb 525] [--storage-gb-s 5]

`measure` lets the ways take turns in one run and keeps the figures in benchmarks/results/scale.json; `plan` computes
with them. Prices are inputs: those that stand here by default were typed in, look yours up. A scan of 525 KB is a CT
slice of 512x512 without compression.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from benchmarks.scale.measured import RESULTS, WANTED, Measured, read, write
from benchmarks.scale.model import MACHINES, Machine, bottlenecks, cost_table, simulation
from edge_run.machine.cores import allowed_cores


def main(args: argparse.Namespace) -> None:
    """Measure, or plan with what was measured."""
    if args.command == "measure":
        from benchmarks.scale.measure import measure

        threads = args.threads or allowed_cores()
        write(args.results, measure(args.bundle, args.scans, args.rounds, threads, ray=not args.no_ray))
        print("\n".join(_report(read(args.results))))
    elif args.command == "report":
        print("\n".join(_report(read(args.results))))
    else:
        print("\n".join(_plan(read(args.results), args)))


def _report(found: Measured) -> list[str]:
    rounds = len(found.samples["predict_many"])
    lines = [
        f"{found.machine}; {found.bundle}; {rounds} rounds of {found.scans} scans in turns",
        "",
        "| way | core-ms a scan | scans/s of a core | per core, of predict_many | on the wall | wanted per core |",
        "|---|---|---|---|---|---|",
    ]
    for way in found.samples:
        seconds = found.core_seconds(way)
        cores, wall = (_quartiles(found.ratio(way, figure)) for figure in ("cores", "wall"))
        wanted = f"≥ {WANTED[way]:.0%}" if way in WANTED else ""
        lines.append(f"| {way} | {seconds * 1e3:.1f} | {1 / seconds:.2f} | {cores} | {wall} | {wanted} |")
    over = found.overhead
    lines += [
        "",
        "| cost beside the networks | core-ms a scan |",
        "|---|---|",
        f"| to make, chain and write a row of {over.row_bytes:.0f} bytes | {over.row_ms:.3f} |",
        f"| to read and hash a file of {over.file_bytes / 1e3:.0f} KB for the list | {over.hash_ms:.3f} |",
        f"| to pass over it in the list, in each other shard | {over.list_ms:.4f} |",
        f"| to find that it was answered, when a shard goes on | {over.resume_ms:.3f} |",
        f"| to verify, sort and write its row when merging | {over.merge_ms:.3f} |",
        "",
        f"A process of a shard takes {over.start_s:.1f} s from its start to the end of its first answer.",
    ]
    return lines


def _quartiles(ratios: list[float]) -> str:
    if len(ratios) < 2:
        return f"{ratios[0]:.1%}"
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.1%} [{low:.1%} {high:.1%}]"


def _plan(found: Measured, args: argparse.Namespace) -> list[str]:
    machines = [Machine.parse(text) for text in args.machine or MACHINES]
    scan_bytes, first = args.scan_kb * 1e3, machines[0]
    core_ms = found.core_seconds("shard") * 1e3
    source = f"Computed from {found.machine}; {found.bundle}: {core_ms:.1f} core-ms a scan in shards. "
    fleet = f"{args.nodes} nodes {first.name}, {args.scans:.0f} scans, speeds that differ by 5 %, "
    return [
        source + f"A scan has {args.scan_kb:.0f} KB. Prices are inputs.",
        "",
        *cost_table(found, machines, scan_bytes),
        "",
        f"With machines of the type {first.name}:",
        "",
        *bottlenecks(found, first, scan_bytes, args.storage_gb_s * 1e9),
        "",
        fleet + "10 minutes until a failed node is replaced:",
        "",
        *simulation(found, first, args.nodes, args.scans),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--bundle", default="ct-covid")
    measuring.add_argument("--scans", type=int, default=64)
    measuring.add_argument("--rounds", type=int, default=5)
    measuring.add_argument("--threads", type=int)
    measuring.add_argument("--no-ray", action="store_true")
    commands.add_parser("report")
    planning = commands.add_parser("plan")
    planning.add_argument("--machine", action="append", metavar="NAME:VCPUS:PRICE")
    planning.add_argument("--nodes", type=int, default=100)
    planning.add_argument("--scans", type=float, default=1e8)
    planning.add_argument("--scan-kb", type=float, default=525)
    planning.add_argument("--storage-gb-s", type=float, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
