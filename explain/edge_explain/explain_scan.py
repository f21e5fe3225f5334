"""Explain the answer to one scan."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from edge_run._version import __version__
from edge_run.errors import UsageError
from edge_run.heatmap import mapped_label
from edge_run.scan.preprocessing import preprocess

from . import cache as caching
from .compute import Request, compute
from .explanation import Explanation
from .methods.background import blurred_copies
from .packing import pack, unpack
from .settings import FULL, QUICK

if TYPE_CHECKING:
    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.scan.read import Scan
    from edge_run.voting.prediction import Prediction

    from .explanation import ExplanationParts
    from .methods.background import Background
    from .methods.originals import Originals
    from .progress import ShowProgress
    from .settings import Settings

PACKAGES = ("captum", "numpy", "onnxruntime", "scikit-image", "torch")


def explain(
    scan: Scan,
    ensemble: Ensemble,
    originals: Originals,
    *,
    label: str | None = None,
    quick: bool = False,
    seed: int = 0,
    background: Background | None = None,
    cache: caching.Cache | None = None,
    case_id: str = "",
    command: str = "",
    progress: ShowProgress = lambda _what, _share: None,
) -> Explanation:
    """Explain the answer to one scan.

    Parameters
    ----------
    scan
        The scan as it was read.
    ensemble
        The compiled members, which answer.
    originals
        The PyTorch originals of the same bundle: see :func:`edge_explain.load_originals`.
    label
        The class to explain where there are three or more; by default the one that is answered. Of two classes it is
        always the positive one, so that a colour means the same in every picture: what is evidence against it is
        evidence for the other.
    quick
        Leave out what takes longest: GradientShap, regions, infidelity and sensitivity.
    seed
        Seed of all random draws.
    background
        Scans that GradientShap compares with; by default the scan itself, blurred more and more.
    cache
        Where explanations are kept; by default nowhere.
    case_id
        The case in the case log; empty where there is none.
    command
        The command line, for the provenance.
    progress
        Is called with the name of the part that is computed and the share of the whole that is done.

    Raises
    ------
    UsageError
        The bundle has no such class.
    BundleError
        The file of an original is damaged or another one.
    """
    task = ensemble.manifest.task
    if label is not None and label not in task.labels:
        raise UsageError(f"the bundle knows no class {label!r}", hint=f"choose from {', '.join(task.labels)}")
    prediction = ensemble.predict(scan)
    answered = prediction.decision.label
    label = mapped_label(task, answered if label is None else label)
    inputs = preprocess(scan.pixels, ensemble.manifest.preprocess)
    if background is None:
        background = blurred_copies(inputs[0, 0])
    settings = QUICK if quick else FULL
    provenance = _provenance(prediction, originals, background, settings, label, seed)
    name = caching.key(provenance)
    parts = _cached(cache, name)
    if parts is None:
        indices = task.labels.index(answered), task.labels.index(label)
        parts = compute(Request(inputs, ensemble, originals, *indices, settings, seed, background), progress)
        if cache is not None:
            cache.store(name, *pack(parts))
    progress("", 1.0)
    return Explanation(
        scan=scan,
        prediction=prediction,
        case_id=case_id,
        label=label,
        origin=originals.origin,
        network_input=inputs[0, 0],
        provenance={**provenance, "command": command} if command else provenance,
        **vars(parts),
    )


def _cached(cache: caching.Cache | None, name: str) -> ExplanationParts | None:
    entry = cache.load(name) if cache else None
    try:
        return unpack(*entry) if entry else None
    except (ValueError, KeyError):
        return None


def _provenance(
    prediction: Prediction, originals: Originals, background: Background, settings: Settings, label: str, seed: int
) -> dict[str, str]:
    """List everything that the explanation depends on; the cache names it by the hash of this list."""
    source = prediction.source
    return {
        "scan sha256": prediction.scan_sha256,
        "bundle": source.bundle,
        "bundle sha256": source.bundle_sha256,
        "compiled": f"{source.precision} on {source.backend}",
        "originals": originals.origin,
        **{f"original {member_id} sha256": sha256 for member_id, sha256 in originals.sha256.items()},
        "explained class": label,
        "background": background.origin,
        "background sha256": background.sha256,
        "settings": ", ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(settings).items()),
        "seed": str(seed),
        "device": originals.device.type,
        "edge-run": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }
