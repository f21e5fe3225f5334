"""What each precision costs on scans that chose nothing: accuracy, AUROC, ECE and changed labels beside PyTorch.

    python -m benchmarks.studies.precisions RUN BUNDLE DATA... [--split test]

Every artefact of the bundle answers on this machine's CPU (for TensorRT's the numbers are right, only the speed is
not), at the temperature that the bundle holds. Prints a Markdown table; a row `pytorch` is the original.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_export.gate.precisions import RECIPES
from edge_export.graphs.simulate import Simulation
from edge_run import Bundle
from edge_run.metrics.figures import measure
from edge_run.voting.vote import decide, softmax, vote
from edge_train.data.dataset import decode, read_folders
from edge_train.networks.infer import infer
from edge_train.run import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORIGINAL = "pytorch"


def main(run: Run, bundle: Bundle, folders: list[Path], split: str) -> None:
    """Ask everything, print the table."""
    manifest = bundle.manifest
    part = read_folders(folders, labels=run.record.labels, seed=run.record.config.seed).of(split)
    pixels = decode(part.samples, manifest.preprocess).pixels
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for voter in run.ensemble.members:
        logits = infer(run.member(voter.id), pixels)
        found[voter.id] = {ORIGINAL: softmax(logits, voter.temperature)}
    for member in manifest.members:
        for precision, artefact in member.artefacts.items():
            simulation = Simulation(bundle.model(member, precision), half_scales=RECIPES[precision].half_scales)
            found[member.id][precision] = softmax(simulation.logits(pixels[:, None]), artefact.temperature)
    weights = [m.weight for m in manifest.members]
    columns = (ORIGINAL, *manifest.precisions)
    found["vote"] = {c: vote(np.stack([found[m.id][c] for m in manifest.members]), weights) for c in columns}
    positive = manifest.task.labels.index(manifest.task.positive)
    print(f"{manifest.name} on {split}: {len(pixels)} scans\n")
    print("| network | precision | accuracy | AUROC | ECE | NLL | labels changed |\n|---|---|---|---|---|---|---|")
    for name, answers in found.items():
        labels = {c: decide(p, positive=positive, threshold=manifest.task.threshold) for c, p in answers.items()}
        for column, probabilities in answers.items():
            m = measure(probabilities, part.targets, positive=positive, threshold=manifest.task.threshold)
            flips = int((labels[column] != labels[ORIGINAL]).sum())
            print(f"| {name} | {column} | {m.accuracy:.4f} | {m.auroc:.4f} | {m.ece:.4f} | {m.nll:.4f} | {flips} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    given = parser.parse_args()
    main(Run(given.run), Bundle(given.bundle), given.data, given.split)
