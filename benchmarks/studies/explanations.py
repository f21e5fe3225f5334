"""How far the maps can be believed, and whether the Orthogonal-Spheres regularizer helps them.

    python -m benchmarks.studies.explanations BUNDLE RUN DATA... [--split test] [--scans 50] [--against RUN2] [--seed 0]

First the bundle as it answers: the compiled ensemble and its map. Then, with ``--against``, each network that both runs
have, by PyTorch: RUN2 is the same training without the regularizer (``--os-lambda 0``). What is explained is the scan's
true class, so both runs answer the same question. Scans are drawn evenly by class. Intervals of 95 % are bootstrapped
over patients, and the difference over pairs. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_explain.methods.background import draw_evenly
from edge_explain.methods.compiled import BATCH, probability_of
from edge_explain.methods.gradcam import grad_cam
from edge_explain.trust import body, deletion, evidence_location, insertion, random_baseline, randomisation
from edge_run import Ensemble
from edge_run.errors import EdgeRunError
from edge_run.heatmap.activation import contrast_map, vote_map
from edge_run.voting.vote import softmax
from edge_train.data.dataset import decode, read_folders
from edge_train.networks.infer import infer
from edge_train.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from edge_explain.methods.compiled import ProbabilityFunction
    from edge_train.networks.member import Member

RESAMPLES = 2000
RANKINGS, STEPS = 3, 10


class Case(NamedTuple):
    """A scan ``[size, size] uint8``, its class and its patient."""

    pixels: NDArray[np.uint8]
    label: int
    group: str


Figures = dict[str, float]
# Whether more is better; the areas over random tell a good map from a network that is merely sure.
BETTER = {
    "insertion area": 1,
    "insertion area over random": 1,
    "deletion area": -1,
    "deletion area over random": -1,
    "evidence outside the body": -1,
    "evidence on the border": -1,
    "likeness to shuffled weights": -1,
}


def main(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    run, seed = Run(arguments.run), arguments.seed
    cases = draw(run, arguments.data, arguments.split, arguments.scans, seed)
    print(f"{len(cases)} scans of the {arguments.split} split, {len({case.group for case in cases})} patients\n")
    with Ensemble.load(arguments.bundle) as ensemble:
        print(f"## {ensemble.manifest.name}, {ensemble.precision} on {ensemble.backend}\n")
        found = [judge_ensemble(ensemble, case, seed) for case in counted(cases, "ensemble")]
    print(table(["figure", "mean"], [[name, words(*mean(column, cases))] for name, column in columns(found).items()]))
    if arguments.against is None:
        return
    other = Run(arguments.against)
    weights = [f"OS {each.record.config.orthogonal_spheres.weight:g}" for each in (run, other)]
    shared = {member.id for member in other.record.members}
    for name in [member.id for member in run.record.members if member.id in shared]:
        sides = []
        for each in (run, other):
            network = load(each, name)
            sides.append(columns([judge_network(*network, case, seed) for case in counted(cases, name)]))
        print(f"\n## {name}\n")
        print(table(["figure", *weights, "difference", ""], [row(figure, sides, cases) for figure in sides[0]]))


def draw(run: Run, folders: Sequence[Path], split: str, count: int, seed: int) -> list[Case]:
    """Scans of a split, evenly by class and over patients."""
    dataset = read_folders(folders, labels=run.record.labels, seed=run.record.config.seed)
    picked = draw_evenly(dataset.of(split).samples, count, np.random.default_rng(seed))
    pixels = decode(picked, run.record.config.preprocess).pixels
    labels = [run.record.labels.index(sample.label) for sample in picked]
    return [Case(*case) for case in zip(pixels, labels, (sample.group for sample in picked), strict=True)]


def judge_ensemble(ensemble: Ensemble, case: Case, seed: int) -> Figures:
    """Figures of the compiled ensemble's map."""
    members = ensemble.manifest.members
    maps = [
        contrast_map(out.features[0], ensemble.bundle.read_array(member.head), case.label)
        for member, out in zip(members, ensemble.outputs(case.pixels[None, None]), strict=True)
    ]
    temperatures = [member.artefacts[ensemble.precision].temperature for member in members]
    map_ = vote_map(maps, [member.weight for member in members], temperatures)
    return judge(probability_of(ensemble, case.label), case, map_, seed)


def load(run: Run, name: str) -> tuple[Member, float]:
    """A network and its temperature."""
    temperature = next(voter.temperature for voter in run.ensemble.members if voter.id == name)
    return run.member(name).requires_grad_(False), temperature


def judge_network(member: Member, temperature: float, case: Case, seed: int) -> Figures:
    """Figures of an original's Grad-CAM, by PyTorch."""

    def answer(inputs: NDArray[np.uint8]) -> NDArray[np.float64]:
        return softmax(infer(member, inputs, batch_size=BATCH), temperature)[:, case.label]

    map_ = grad_cam(member, case.pixels, case.label)
    # Either sign means that the map is there without what was learnt.
    alike = abs(randomisation(member, case.pixels, map_, case.label, times=1, seed=seed))
    return judge(answer, case, map_, seed) | {"likeness to shuffled weights": alike}


def judge(answer: ProbabilityFunction, case: Case, map_: NDArray[np.float32], seed: int) -> Figures:
    """Figures of one map."""
    baseline = random_baseline(answer, case.pixels, rankings=RANKINGS, steps=STEPS, seed=seed)
    put_in = insertion(answer, case.pixels, map_, baseline, steps=STEPS)
    taken_out = deletion(answer, case.pixels, map_, baseline, steps=STEPS)
    where = evidence_location(map_, body(case.pixels))
    return {
        "insertion area": put_in.area,
        "insertion area over random": put_in.area - put_in.random_area,
        "deletion area": taken_out.area,
        "deletion area over random": taken_out.area - taken_out.random_area,
        "evidence outside the body": where.outside_body,
        "evidence on the border": where.border,
    }


def row(name: str, sides: Sequence[dict[str, NDArray[np.float64]]], cases: Sequence[Case]) -> list[str]:
    """Both means, the mean difference, and what it says."""
    ours, theirs = (side[name] for side in sides)
    difference = mean(ours - theirs, cases)
    clear = difference.low > 0 or difference.high < 0
    verdict = ("better" if difference.value * BETTER[name] > 0 else "worse") if clear else "no difference seen"
    return [name, *(words(*mean(side[name], cases)) for side in sides), words(*difference, sign="+"), verdict]


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


def mean(values: NDArray[np.float64], cases: Sequence[Case]) -> Interval:
    """Mean over scans, its interval by drawing whole patients."""
    _, group = np.unique([case.group for case in cases], return_inverse=True)
    count = int(group.max()) + 1
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)[:, group]
    # A resample without any scan cannot be: every patient has one.
    means = (drawn * values).sum(axis=1) / drawn.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def columns(figures: Sequence[Figures]) -> dict[str, NDArray[np.float64]]:
    """Figures of scans -> scans of figures."""
    return {name: np.array([each[name] for each in figures]) for name in figures[0]}


def words(value: float, low: float, high: float, sign: str = "") -> str:
    """Write an interval."""
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def counted(cases: Sequence[Case], what: str) -> Iterator[Case]:
    """Count on stderr, on a terminal."""
    for done, case in enumerate(cases):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{what} {done}/{len(cases)}")
            sys.stderr.flush()
        yield case
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--scans", type=int, default=50)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main(parsed())
    except EdgeRunError as error:
        sys.exit(f"error: {error.message}\n  hint: {error.hint}")
