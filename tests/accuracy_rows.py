"""Rows of the accuracy benchmark, of trainings that never were."""

from __future__ import annotations

from benchmarks.accuracy.rows import Row, Trial

SETTING = {"members": ("resnet18",), "size": 32, "epochs": 1, "init": "none"}


def trial(**changes):
    first = {"dataset": "covid-ct", "protocol": "patient-disjoint", "arm": "ce", "source": "", "seed": 0}
    return Trial(**first | SETTING | changes)


def fake(accuracy=0.8, *, device="CPU", ensemble=None, uncalibrated=0.2, **changes):
    """A row whose members all have one accuracy."""
    of = trial(**changes)
    figures = {"accuracy": accuracy, "f1": 0.7, "auroc": None, "ece": 0.1, "nll": 0.5}
    test = dict.fromkeys(of.members, figures) | {"ensemble": figures | {"accuracy": ensemble or accuracy}}
    return Row(
        trial=of,
        test=test,
        val=test,
        uncalibrated={arch: {"ece": uncalibrated} for arch in of.members},
        scans={"train": {"covid": 6}, "val": {"covid": 2}, "test": {"covid": 4, "non_covid": 5}},
        config={},
        versions={},
        arithmetic="32-true",
        device=device,
        threads=1,
        seconds=None,
        created="2026-01-01T00:00:00+00:00",
    )


def arms(seeds, gain, **changes):
    """Rows of both arms, OS better by ``gain`` of the seed."""
    return [
        fake(0.8 + (gain(seed) if arm == "os" else 0.0), seed=seed, arm=arm, **changes)
        for seed in range(seeds)
        for arm in ("ce", "os")
    ]
