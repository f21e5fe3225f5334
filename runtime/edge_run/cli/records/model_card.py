"""A bundle's model card: what its manifest says, as a document that a hospital can file.

The sections follow Mitchell et al. (2019, "Model Cards for Model Reporting"). What a manifest does not store is said to
be missing, with the command that measures it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_run._text import printable
from edge_run.flags.catch import flag_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Figure, Manifest, Recalibration

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1": "F1",
    "auroc": "AUROC",
    "ece": "expected calibration error",
    "mce": "maximum calibration error",
    "brier": "Brier score (0 to 2)",
    "nll": "negative log-likelihood, nats",
    "aurc": "area under the risk-coverage curve",
}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#])")


def model_card(bundle: Bundle) -> str:
    """Write the card as Markdown."""
    manifest = bundle.manifest
    card = manifest.card
    parts = [
        f"# Model card: {_plain(manifest.name)}",
        _plain(card.summary),
        f"Bundle `{bundle.sha256[:16]}`, made {manifest.provenance.created[:10]}.",
        *([_recalibrated(manifest.recalibration)] if manifest.recalibration else ()),
        "## Intended use",
        _plain(card.intended_use),
        "## Shortcut control",
        _shortcut(manifest),
        "## Limits",
        _list(card.limits),
        "## Data",
        _list(card.training_data),
        f"Fingerprint of files and labels: `{manifest.provenance.data_fingerprint[:16]}`.",
        _task(manifest),
        "## Measured",
        *_measured(manifest),
        "## Flags",
        "A flag is a reason for a person to look at an answer. On the scans that the thresholds were fitted on:",
        _list(_flag_line(manifest, precision) for precision in manifest.precisions),
        "## Members",
        _members(manifest),
        "## Licence",
        _plain(card.licence),
        "## How it was made",
        _code(manifest.provenance.train_command, manifest.provenance.export_command),
    ]
    return "\n\n".join(parts)


def _recalibrated(found: Recalibration) -> str:
    labels = ", ".join(f"{count} {_plain(label)}" for label, count in found.labels.items())
    return (
        f"**Recalibrated** from {_plain(found.parent)} `{found.ancestors[0][:16]}` on {found.created[:10]} with "
        f"{found.cases} noted cases of one place ({labels}). The networks are those of the parent. On these cases the "
        f"negative log-likelihood is {found.nll:.4f}, cross-fitted; the parent's is {found.parent_nll:.4f} (standard "
        f"error of the difference {found.gain_error:.4f})."
    )


def _task(manifest: Manifest) -> str:
    task, size = manifest.task, manifest.preprocess.size
    point = f", operating point {task.threshold:.3f}" if task.threshold is not None else ""
    labels = ", ".join(map(_plain, task.labels))
    return (
        f"Input: {_plain(task.modality)}, one grey image, resized to {size} x {size} pixels. Labels: {labels}; positive "
        f"class {_plain(task.positive)}{point}."
    )


def _measured(manifest: Manifest) -> list[str]:
    measured = {p: manifest.evaluation[p] for p in manifest.precisions if p in manifest.evaluation}
    if not measured:
        return [f"No figure is stored. {_code(f'edge-run evaluate {manifest.name} DATA...')} measures them."]
    first = next(iter(measured.values()))
    if manifest.recalibration:
        protocol = (
            f"On {first.scans} noted cases. Each was answered by a vote that was fitted without it; the operating point "
            "was fitted on the same cases, so figures that depend on it are somewhat too good. The scans are those of "
            "one place."
        )
    else:
        protocol = (
            f"On the {first.scans} scans of the split {_code(first.split)}, which also fitted temperatures, voting "
            "weights and thresholds: figures on it are too good. `edge-run evaluate` measures other scans."
        )
    protocol += " In brackets: 95 % intervals, from a bootstrap over groups (patients where they are known)."
    names = dict.fromkeys(name for one in measured.values() for name in one.figures)
    rows = [
        [NAMES.get(name, _plain(name)), *(_figure(one.figures.get(name)) for one in measured.values())]
        for name in names
    ]
    missing = [p for p in manifest.precisions if p not in measured]
    left = [f"Not stored for {', '.join(missing)}."] if missing else []
    return [protocol, _table(["figure", *measured], rows), *left]


def _shortcut(manifest: Manifest) -> str:
    why = (
        "How well the vote does with all but the border of the scans blacked out tells whether it reads the lung or the "
        "frame."
    )
    control = manifest.border_only
    if control is None:
        return (
            f"{why} This bundle does not store it: {_code(f'edge-run evaluate {manifest.name} DATA...')} measures it, as "
            "*border only*."
        )
    figures = ", ".join(f"{NAMES[name]} {_figure(control.figures.get(name))}" for name in ("auroc", "accuracy"))
    return (
        f"{why} On {control.scans} scans of the split {_code(control.split)}: {figures}. An AUROC near 0.5 is right; the "
        "more it is above, the more the figures below may rest on the picture's frame."
    )


def _flag_line(manifest: Manifest, precision: str) -> str:
    return _plain(flag_line(manifest, precision).removeprefix("flags "))


def _members(manifest: Manifest) -> str:
    rows = [
        [_plain(m.id), _plain(m.arch), f"{m.weight:.3f}", f"{m.macs / 1e9:.2f}"]
        + [f"{m.artefacts[precision].temperature:.3f}" for precision in manifest.precisions]
        for m in manifest.members
    ]
    heads = ["member", "network", "weight", "MACs (G)", *(f"temperature {p}" for p in manifest.precisions)]
    return _table(heads, rows)


def _figure(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "not available"
    interval = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{interval}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(text)}" for text in texts) or "Nothing is stated."


def _plain(text: str) -> str:
    """Other people's text on one line, with what Markdown would take for markup escaped."""
    return _MARKUP.sub(r"\\\1", printable(text))


def _code(*lines: str) -> str:
    """Commands and names as they are typed: one in a line of text, several in a block."""
    safe = [printable(line).replace("`", "'") for line in lines]
    return f"`{safe[0]}`" if len(safe) == 1 else "\n".join(["```", *safe, "```"])
