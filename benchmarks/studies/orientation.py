"""How many inverted and turned scans the check of orientation tells, by the penalty of its models.

    python -m benchmarks.studies.orientation DATA... [--split val ...] [--penalty P ...]

The models are fitted on the training scans of the folders; the shares are those of each split.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge_export.flags.orientation import PENALTY, fit_orientation
from edge_train.data.dataset import read_folders

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(data: Sequence[Path], splits: Sequence[str], penalties: Sequence[float]) -> None:
    """Print a line per split and penalty."""
    dataset = read_folders(data)
    training = [sample.path for sample in dataset.of("train").samples]
    print(f"{len(training)} training scans of {', '.join(folder.name for folder in data)}")
    for split in splits:
        judged = [sample.path for sample in dataset.of(split).samples]
        for penalty in penalties:
            found = fit_orientation(training, judged, penalty=penalty)
            print(
                f"{len(judged)} {split} scans, penalty {penalty:g}: {found.inverted:.1%} flagged when inverted, "
                f"{found.turned:.1%} when turned, {found.flagged:.1%} as they are",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--split", nargs="+", default=["val"])
    parser.add_argument("--penalty", nargs="+", type=float, default=[PENALTY])
    given = parser.parse_args()
    main(given.data, given.split, given.penalty)
