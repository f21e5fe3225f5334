"""Latency against accuracy, for every precision that this machine's CPU runs, each exit mode, and each member alone.

    python -m benchmarks.latency.frontier BUNDLE DATA... [--split test] [--scans N] [--plot STEM]

Every way answers a scan before the next scan comes, because a machine's speed drifts. The times are of single answers,
on real scans: how soon certified exit stops depends on the scan. A member alone has all cores. The interval of the
accuracy is bootstrapped over groups. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.interleave import Spread, each_scan, spread
from benchmarks.latency.plot import PALETTE, STYLE, save
from edge_run import Bundle, Ensemble
from edge_run.backends import BACKENDS, CPU, open_runner
from edge_run.backends.network import Network
from edge_run.bench.plan import CERTIFIED, FULL
from edge_run.doctor import examine
from edge_run.machine.cores import allowed_cores
from edge_run.metrics.bootstrap import Interval, with_intervals
from edge_run.voting.vote import decide, softmax
from edge_train.data.dataset import decode, read_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from edge_run.bundle.manifest import BundleMember
    from edge_train.data.dataset import Dataset

Way = tuple[str, str]
"""Precision, and who answers: one of `WHOLE`, or a network."""
WHOLE = {FULL: "all members", CERTIFIED: "certified exit"}


class Point(NamedTuple):
    """What a way costs, milliseconds, and what it gets right, a share."""

    ms: Spread
    mean_ms: float
    accuracy: Interval


def main(args: argparse.Namespace) -> None:
    """Measure, print, draw."""
    bundle = Bundle(args.bundle)
    dataset = read_folders(args.data, labels=bundle.manifest.task.labels).of(args.split)
    if args.scans:
        dataset = replace(dataset, samples=dataset.samples[:: max(1, len(dataset.samples) // args.scans)])
    points = measure(bundle, dataset)
    machine = examine()
    print(f"{bundle.manifest.name} {bundle.sha256[:12]} on {args.split}: {len(dataset.samples)} scans")
    print(f"{machine.cpu}, {machine.cores} cores\n")
    print("| precision | who answers | median ms | quartiles | mean ms | accuracy, 95% interval |")
    print("|---|---|---|---|---|---|")
    for (precision, who), point in points.items():
        ms, right = point.ms, point.accuracy
        times = f"{ms.median:.1f} | [{ms.q25:.1f} {ms.q75:.1f}] | {point.mean_ms:.1f}"
        print(f"| {precision} | {who} | {times} | {right.value:.3f} [{right.low:.3f} {right.high:.3f}] |")
    if args.plot:
        draw(
            points, f"{machine.cpu}, {machine.cores} cores; {args.split} split, {len(dataset.samples)} scans", args.plot
        )


def measure(bundle: Bundle, dataset: Dataset) -> dict[Way, Point]:
    """Let every way answer every scan."""
    pixels = decode(dataset.samples, bundle.manifest.preprocess).pixels[:, None]
    with ExitStack() as stack:
        ways = _ways(bundle, stack)
        labels: dict[Way, list[int]] = {way: [] for way in ways}

        def kept(way: Way) -> Callable[[NDArray[np.uint8]], None]:
            return lambda scan: labels[way].append(ways[way](scan))

        taken = {way: blocks[0] for way, blocks in each_scan({way: kept(way) for way in ways}, pixels).items()}
    # The first label of each way is of the call that is not timed.
    return {
        way: Point(spread(taken[way]), float(np.mean(taken[way])), _accuracy(bundle, dataset, labels[way][1:]))
        for way in ways
    }


def _ways(bundle: Bundle, stack: ExitStack) -> dict[Way, Callable[[NDArray[np.uint8]], int]]:
    """Each way -> the class index that it answers to a scan ``[1, 1, size, size] uint8``."""
    manifest = bundle.manifest
    ways: dict[Way, Callable[[NDArray[np.uint8]], int]] = {}
    for precision in (p for p in BACKENDS[CPU].precisions if p in manifest.precisions):
        for exit_ in (FULL, CERTIFIED):
            ensemble = stack.enter_context(
                Ensemble(bundle, precision=precision, backend=CPU, early_exit=exit_ == CERTIFIED)
            )
            ways[precision, WHOLE[exit_]] = _whole(ensemble)
        for member in manifest.members:
            ways[precision, member.id] = _alone(bundle, member, precision, stack)
    return ways


def _whole(ensemble: Ensemble) -> Callable[[NDArray[np.uint8]], int]:
    return lambda scan: ensemble.manifest.task.labels.index(ensemble.vote(scan)[0].decision.label)


def _alone(
    bundle: Bundle, member: BundleMember, precision: str, stack: ExitStack
) -> Callable[[NDArray[np.uint8]], int]:
    task, artefact = bundle.manifest.task, member.artefacts[precision]
    network = Network.read(bundle, member, precision)
    runner = stack.enter_context(open_runner(CPU, network, threads=allowed_cores()))
    positive = task.labels.index(task.positive)

    def answer(scan: NDArray[np.uint8]) -> int:
        probabilities = softmax(runner.run(scan).logits, artefact.temperature)
        return int(decide(probabilities, positive=positive, threshold=task.threshold)[0])

    return answer


def _accuracy(bundle: Bundle, dataset: Dataset, labels: list[int]) -> Interval:
    task = bundle.manifest.task
    sure = np.eye(len(task.labels))[labels]  # what was answered, as if it were certain: only labels count here
    positive = task.labels.index(task.positive)
    return with_intervals(sure, dataset.targets, dataset.groups, positive=positive, threshold=task.threshold)[
        "accuracy"
    ]


def draw(points: Mapping[Way, Point], title: str, stem: Path) -> None:
    """Write ``<stem>.png`` and ``<stem>.svg``: mean time and accuracy with its interval, by precision and who answers.

    Who answers is a shape and not a label: the same networks have nearly the same accuracy in each precision, and
    labels would lie on each other.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    colours = dict(zip(dict.fromkeys(precision for precision, _ in points), PALETTE, strict=False))
    shapes = dict(zip(dict.fromkeys(who for _, who in points), "DPos^vXh", strict=False))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 4.4), layout="constrained")
        axes = figure.subplots()
        for (precision, who), point in points.items():
            colour, right = colours[precision], point.accuracy
            look: dict[str, Any] = {
                "color": colour,
                "markersize": 9 if who in WHOLE.values() else 6,
                "markeredgecolor": "white",
            }
            axes.plot([point.mean_ms] * 2, [right.low, right.high], color=colour, alpha=0.25, linewidth=1.2)
            axes.plot(point.mean_ms, right.value, shapes[who], **look)
        grey: dict[str, Any] = {"linestyle": "", "color": "#6B6B6B"}
        keys = [Line2D([], [], marker=shape, label=who, **grey) for who, shape in shapes.items()]
        keys += [Line2D([], [], linewidth=5, color=colour, label=name) for name, colour in colours.items()]
        figure.legend(handles=keys, frameon=False, loc="outside right upper", alignment="left")
        axes.set_xlim(left=0)
        axes.set_xlabel("mean milliseconds of a scan")
        axes.set_ylabel("accuracy, with its 95% interval")
        axes.set_title(title, loc="left", fontsize=9.5, color="#6B6B6B")
        save(figure, stem)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--scans", type=int, help="about so many, evenly drawn; all by default")
    parser.add_argument("--plot", type=Path, help="writes STEM.png and STEM.svg")
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
