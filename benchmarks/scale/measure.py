"""Measure the ways of answering an archive, in turns."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.scale.measured import Measured, Overhead, Sample
from benchmarks.scale.processes import core_seconds
from edge_run import Ensemble
from edge_run.batch.listing import make_list, read_list
from edge_run.batch.merge import merge
from edge_run.batch.part import PartWriter
from edge_run.batch.progress import Work, write
from edge_run.batch.reading import done
from edge_run.batch.rows import rows_of
from edge_run.batch.shard import WHOLE, Shard
from edge_run.batch.work import answer, pending
from edge_run.doctor import examine
from edge_run.scan.inputs import expand
from edge_run.scan.scan import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_run.batch.chain import Record
    from edge_run.batch.entry import Item

SIDE = 512
REPEATS = 2000
"""Rows by which the costs beside the networks are timed."""


def measure(bundle: str, scans: int, rounds: int, threads: int, *, ray: bool) -> Measured:
    """Time all ways in turns, round by round, because a machine's speed drifts."""
    with tempfile.TemporaryDirectory() as place, Ensemble.load(bundle, threads=threads) as ensemble:
        folder = Path(place, "scans")
        _draw(folder, scans)
        items, _ = pending([make_list([str(folder)], Path(place, "out"))], Path(place, "out"), WHOLE)
        ways: dict[str, Callable[[], Sample]] = {
            "predict_many": lambda: _timed(lambda: _predict_many(ensemble, folder), scans),
            "shard": lambda: _timed(lambda: _shard(ensemble, items), scans),
        }
        if ray:
            ways["ray"] = lambda: _ray(bundle, ensemble, items, threads)
        samples: dict[str, list[Sample]] = {way: [] for way in ways}
        for way in ways.values():
            if way is not ways.get("ray"):
                way()
        for number in range(rounds):
            # Each way is first as often as last.
            for name in list(ways) if number % 2 else reversed(list(ways)):
                samples[name].append(ways[name]())
                print(f"round {number + 1}: {name} {samples[name][-1].cores * 1e3:.1f} ms of a core", file=sys.stderr)
        machine = examine()
        about = f"{ensemble.manifest.name}, {ensemble.backend}, {ensemble.precision}, {threads} threads"
        overhead = _overhead(ensemble, items, Path(place), bundle)
    return Measured(f"{machine.cpu}, {machine.cores} cores", about, scans, samples, overhead)


def _timed(work: Callable[[], object], scans: int) -> Sample:
    begin, busy = time.perf_counter(), core_seconds()
    work()
    return Sample((time.perf_counter() - begin) / scans, (core_seconds() - busy) / scans)


def _predict_many(ensemble: Ensemble, folder: Path) -> None:
    for _ in ensemble.predict_many(expand([str(folder)])):
        pass


def _shard(ensemble: Ensemble, items: list[Item]) -> None:
    """Answer as one shard does: rows, chain, parts, syncs."""
    with tempfile.TemporaryDirectory() as out, PartWriter(Path(out), "shard") as writer:
        write(answer(ensemble, items), writer, Work("shard", len(items), 0), _quiet)


def _ray(bundle: str, ensemble: Ensemble, items: list[Item], threads: int) -> Sample:
    """Answer on a cluster of this machine, timed from the first block of answers to the last.

    What lies before is the start of Ray and of the ensembles, which an archive does not notice.
    """
    from edge_run.batch.ray_answers import EnsembleOptions, answer_with_ray
    from edge_run.batch.ray_cluster import LOCAL, cluster, need_ray

    ray = need_ray(LOCAL)
    options = EnsembleOptions(
        bundle, ensemble.bundle.sha256, ensemble.precision, "auto", threads, False, DEFAULT_LIMITS
    )
    with (
        tempfile.TemporaryDirectory() as out,
        cluster(LOCAL, threads) as plan,
        PartWriter(Path(out), "ray") as writer,
        closing(answer_with_ray(ray, items, options, plan)) as answers,
    ):
        begin, busy, first = 0.0, 0.0, 0
        for count, (_, rows) in enumerate(answers, 1):
            writer.append(rows)
            # Rows of a block come at once: the clock starts behind the first block.
            if not begin and count == _block(len(items), plan.ensembles):
                begin, busy, first = time.perf_counter(), core_seconds(), count
        left = len(items) - first
        return Sample((time.perf_counter() - begin) / left, (core_seconds() - busy) / left)


def _block(items: int, ensembles: int) -> int:
    from edge_run.batch.ray_answers import block_size

    return block_size(items, ensembles)


def _overhead(ensemble: Ensemble, items: list[Item], place: Path, bundle: str) -> Overhead:
    """Time the costs beside the networks on rows of one answer."""
    results = list(ensemble.predict_many([items[0].paths[0]]))
    out = place / "rows"
    many = [item._replace(paths=(f"{n:06}.png",)) for n, item in enumerate([items[0]] * REPEATS)]
    with PartWriter(out, "shard") as writer:
        row_ms = _each(lambda: write(((1, rows_of(item, results)) for item in many), writer, Work("", 0, 0), _quiet))
    size = sum(part.stat().st_size for part in (out / "parts").glob("*.jsonl")) / REPEATS
    resume_ms = _each(lambda: list(done(out, WHOLE)))
    rows: list[Record] = []
    merge_ms = _each(lambda: merge(out, rows.append))
    files = [Path(item.paths[0]) for item in items]
    begin = time.process_time()
    entries = list(read_list(make_list([str(file) for file in files], place / "again")))
    hash_ms = (time.process_time() - begin) / len(entries) * 1e3
    bytes_ = sum(file.stat().st_size for file in files) / len(files)
    listed = place / "long.jsonl"
    listed.write_text(make_list([item.paths[0] for item in items[:1]], place / "one-item").read_text() * REPEATS)
    other = next(Shard(number, 2) for number in (1, 2) if not Shard(number, 2).holds(str(items[0].sha256)))
    list_ms = _each(lambda: list(read_list(listed, other)))
    return Overhead(row_ms, hash_ms, list_ms, resume_ms, merge_ms, size, bytes_, _start(bundle, files[0], place))


def _quiet(_work: Work) -> None:
    """Show no progress."""


def _each(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return (time.process_time() - begin) / REPEATS * 1e3


def _start(bundle: str, file: Path, place: Path) -> float:
    """Time a whole process that answers one scan."""
    program = "from edge_run.cli import console; console()"
    command = [sys.executable, "-c", program, "batch", str(file), "--out", str(place / "one"), "--bundle", bundle]
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def _draw(folder: Path, scans: int) -> None:
    folder.mkdir()
    for n in range(scans):
        noise = cv2.GaussianBlur(np.random.default_rng(n).normal(128, 400, (SIDE, SIDE)), (0, 0), 6)
        cv2.imwrite(str(folder / f"{n:04}.png"), np.clip(noise, 0, 255).astype(np.uint8))
