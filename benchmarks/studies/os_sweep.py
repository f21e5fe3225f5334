"""Repeat the sweep that docs/training.md reports: the OS weight and the learning rate, judged on validation alone.

    python -m benchmarks.studies.os_sweep DATA... --out FOLDER --init DIR

One network on every second training scan; all validation scans; never a test scan. Runs that are there already are
not trained again. Several ``--seed`` show how much of a difference is chance.
"""

from __future__ import annotations

import csv
import itertools
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import Annotated

import typer

from edge_run import PreprocessSpec
from edge_train import OrthogonalSpheres, TrainConfig, default_members, read_folders, train, use_threads

# (learning rate, lambda): the sweep as it was run.
POINTS = ((3e-4, 0.0), (3e-4, 0.01), (3e-4, 0.03), (3e-4, 0.1), (1e-4, 0.01), (1e-3, 0.01))


def sweep(
    data: Annotated[list[Path], typer.Argument(help="Folders of labelled scans, as for edge-run train.")],
    out: Annotated[Path, typer.Option(help="Folder for the thinned data, the runs and sweep.csv.")],
    init: Annotated[str, typer.Option(help="Starting weights, as for edge-run train.")] = "imagenet",
    arch: Annotated[str, typer.Option(help="Network.")] = "resnet18",
    size: Annotated[int, typer.Option(help="Side of its input, pixels.")] = 112,
    epochs: Annotated[int, typer.Option(help="Passes over the thinned scans.")] = 6,
    keep_every: Annotated[int, typer.Option(min=1, help="Of the training scans, by name.")] = 2,
    seed: Annotated[list[int] | None, typer.Option(help="May be repeated; 0 by default.")] = None,
) -> None:
    """Train once per point and seed; print the lowest validation NLL of each."""
    use_threads(None)
    thinned = thin(data, out / "data", keep_every)
    rows = []
    for (rate, weight), one in itertools.product(POINTS, seed or [0]):
        config = TrainConfig(
            members=default_members(arch),
            init=init,
            epochs=epochs,
            learning_rate=rate,
            seed=one,
            orthogonal_spheres=OrthogonalSpheres(weight=weight),
            preprocess=PreprocessSpec(size=size),
        )
        run = out / f"lr{rate:g}-lambda{weight:g}-seed{one}"
        train(
            [thinned],
            run,
            config,
            resume=(run / "request.json").exists(),
            hardware={"devices": 1},
            accept_weak_vote=True,
        )
        best = lowest_nll(run / "members" / arch / "history.csv")
        rows.append({"learning_rate": rate, "os_lambda": weight, "seed": one, "val_nll": best})
        print(f"lr {rate:g}  lambda {weight:g}  seed {one}  best val NLL {best:.3f}", flush=True)
    with (out / "sweep.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def thin(folders: list[Path], out: Path, keep_every: int) -> Path:
    """Link every ``keep_every``-th training scan and all validation scans into one data folder."""
    dataset = read_folders(folders)
    kept = [*dataset.of("train").samples[::keep_every], *dataset.of("val").samples]
    out.mkdir(parents=True, exist_ok=True)
    for sample in kept:
        link = out / sample.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(sample.path)
    with (out / "splits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split", "group"))
        writer.writerows((s.name, s.label, s.split, s.group) for s in kept)
    return out


def lowest_nll(history: Path) -> float:
    """Validation NLL of the best epoch, nats."""
    with history.open(newline="") as file:
        return min(float(row["val_nll"]) for row in csv.DictReader(file))


if __name__ == "__main__":
    typer.run(sweep)
