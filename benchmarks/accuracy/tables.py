"""Rows -> Markdown: figures over seeds, paired differences, the published figures beside ours."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from benchmarks.accuracy.compare import ACCURACY, MEASURES, OS, SOURCE, Question, answer, compare, pairs
from benchmarks.accuracy.protocols import DATASETS, DISJOINT, LEAKY, PROTOCOLS, TITLES
from benchmarks.accuracy.published import PUBLISHED, Published
from benchmarks.accuracy.rows import ENSEMBLE, Row, networks
from benchmarks.accuracy.statistics import Paired, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = "-"
FIGURES = {"accuracy": "accuracy", "F1": "f1", "AUROC": "auroc", "ECE": "ece"}
LOSSES = {"ce": "cross-entropy", "os": "cross-entropy + OS"}
NOTES = """Notes

- `a ± b`: mean over the seeds and 95 % t-interval. The seeds differ in starting head, order and augmentation, and under
  the leaky protocol in the split too. **The interval does not contain the sampling error of the test scans**: they are
  few, and other patients would move every seed's figure together.
- Epochs, temperatures and voting weights are chosen on val; test is used once, by the finished run. Where the test
  scans of a set are not available (`covid-ct`), its published val is the test, and a group-disjoint quarter of its
  training scans, always the same, is the val.
- The leaky protocol splits images 70/15/15 at random within each class, without regard to patients. It shows what
  published protocols may have measured, not how accurate an answer is for a new patient.
- F1 is that of `covid` for two classes and the unweighted mean over the classes (macro) for three; AUROC likewise, one
  against the rest. ECE has 15 bins of equal width and is measured after temperature scaling on val; temperature 1 means
  without that scaling. NLL is in nats, after the scaling.
- p comes from an exact, two-sided, paired sign-flip test. One seed on one set is one pair; the members of a run are
  averaged first. There is no correction for the number of tests. "All sets" takes each seed on each set as one pair."""


def markdown(rows: Sequence[Row]) -> str:
    """Every setting's tables, then the notes; settings in the order of their first row."""
    settings: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        trial = row.trial
        settings.setdefault((trial.members, trial.size, trial.epochs, trial.init), []).append(row)
    if not settings:
        return "No row has been trained yet."
    return "\n\n".join([*map(_setting, settings.values()), NOTES])


def _setting(rows: list[Row]) -> str:
    trial = rows[0].trial
    how = "; ".join(sorted({f"{row.device} ({row.arithmetic})" for row in rows}))
    parts = [
        f"### {', '.join(trial.members)}; {trial.size} pixels, {trial.epochs} epochs, starting weights `{trial.init}`",
        f"{len(rows)} trainings on {how}.",
        _results(rows),
        *(_differences(rows, question) for question in (OS, SOURCE) if pairs(rows, question)),
        "**Published, beside ours with plain cross-entropy**",
        _published(rows),
    ]
    return "\n\n".join(parts)


def _results(rows: list[Row]) -> str:
    """A line per set, network and loss; the two protocols side by side."""
    first, *others = FIGURES
    header = ["set", "network", "loss", "seeds", "test scans", f"{TITLES[DISJOINT]}: {first}", *others]
    header += [f"{TITLES[LEAKY]}: {first}", *(f"leaky: {name}" for name in others)]
    by_arm: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        trial = row.trial
        by_arm.setdefault((trial.dataset, trial.source, trial.arm, trial.protocol), []).append(row)
    stages = sorted({row.trial.source for row in rows})
    lines = []
    for dataset, source, network, arm in product(DATASETS, stages, networks(rows), LOSSES):
        sides = [by_arm.get((dataset, source, arm, protocol), []) for protocol in PROTOCOLS]
        if any(sides):
            name = f"{dataset} after {source}" if source else dataset
            seeds, scans = (" / ".join(map(str, each)) for each in (map(len, sides), map(_test_scans, sides)))
            found = [
                mean([row.test[network][figure] for row in side]) for side, figure in product(sides, FIGURES.values())
            ]
            lines.append([name, network, LOSSES[arm], seeds, scans, *found])
    return table(header, lines)


def _test_scans(rows: list[Row]) -> str:
    """Their number; its range where the split differs between seeds."""
    counts = {sum(row.scans["test"].values()) for row in rows}
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)})) if counts else NONE


def _differences(rows: list[Row], question: Question) -> str:
    """A line per protocol, set and kind of classifier; then the verdicts."""
    members = rows[0].trial.members
    several = len(members) > 1
    kinds = {False: "mean of the members", True: ENSEMBLE} if several else {False: members[0]}
    lines = []
    sets = {before.trial.dataset for before, _ in pairs(rows, question)}
    for protocol, dataset, ensemble in product(PROTOCOLS, (*DATASETS, "") if len(sets) > 1 else sets, kinds):
        # The vote has no figures at temperature 1: that column stays empty.
        tests = [
            compare(rows, question, measure, protocol=protocol, dataset=dataset, ensemble=ensemble)
            for measure in MEASURES
        ]
        if tests[0]:
            n, smallest = tests[0].difference.n, f"{tests[0].smallest_p:.3g}"
            name = dataset or "all sets"
            lines.append([TITLES[protocol], name, kinds[ensemble], str(n), smallest, *map(difference, tests)])
    header = ["protocol", "set", "of", "pairs", "smallest p", *(measure.name for measure in MEASURES)]
    verdicts = [f"- {answer(rows, question, one, ensemble=several and one.calibrated)}" for one in MEASURES]
    return "\n\n".join([f"**{question.difference}**", table(header, lines), "\n".join(verdicts)])


def _published(rows: Sequence[Row]) -> str:
    """Table of the published figures and, beside each, ours under both protocols."""
    lines = []
    for one in PUBLISHED:
        ours = [_ours(rows, one, protocol, field) for protocol in PROTOCOLS for field in ("accuracy", "f1")]
        accuracy = f"{100 * one.accuracy:+.1f} points" if one.gain else f"{one.accuracy:.4f}"
        f1 = NONE if one.f1 is None else f"{one.f1:.4f}"
        lines.append([one.work, one.on, accuracy, f1, *ours, one.known])
    columns = [f"ours, {protocol}: {name}" for protocol in PROTOCOLS for name in ("accuracy", "F1")]
    return table(["work", "on", "accuracy", "F1", *columns, "what is known of its protocol"], lines)


def _ours(rows: Sequence[Row], one: Published, protocol: str, field: str) -> str:
    """Our figure for a published one: of the vote, or of the only member, trained with plain cross-entropy."""
    if not one.dataset:
        return "not run"
    names = networks(rows)
    if one.gain:
        found = compare(rows, OS, ACCURACY, protocol=protocol, dataset=one.dataset, ensemble=len(names) > 1)
        return difference(found) if field == "accuracy" else NONE
    wanted = (one.dataset, protocol, "ce", "")
    own = [row for row in rows for t in [row.trial] if (t.dataset, t.protocol, t.arm, t.source) == wanted]
    return mean([row.test[names[-1]][field] for row in own])


def mean(values: Sequence[float | None]) -> str:
    """``0.912 ± 0.010``, without an interval for one value."""
    there = [value for value in values if value is not None]
    if not there:
        return NONE
    found = spread(there)
    return f"{found.mean:.3f} ± {found.half:.3f}" if found.n > 1 else f"{found.mean:.3f}"


def difference(found: Paired | None) -> str:
    """``+0.012 [-0.004, +0.028], p 0.25``, the difference alone for one pair."""
    if found is None:
        return NONE
    low, high = found.interval
    reach = f" [{low:+.3f}, {high:+.3f}], p {found.p:.2g}" if found.difference.n > 1 else ""
    return f"{found.difference.mean:+.3f}{reach}"


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *lines])
