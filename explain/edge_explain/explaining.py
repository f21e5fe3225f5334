"""One scan -> its explanation."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from edge_run._version import __version__
from edge_run.errors import UsageError
from edge_run.scan.preprocessing import preprocess

from . import cache as caching
from .compute import Task, make
from .explanation import Explanation
from .methods.background import Background
from .methods.compiled import blurred
from .settings import FULL, QUICK
from .stored import Made, pack, unpack

if TYPE_CHECKING:
    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.scan.read import Scan
    from edge_run.voting.prediction import Prediction

    from .meter import Progress
    from .methods.originals import Originals
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
    command: str = "",
    progress: Progress = lambda _what, _share: None,
) -> Explanation:
    """Explain the answer to one scan.

    Parameters
    ----------
    ensemble
        The compiled members, which answer.
    originals
        Of the same bundle: see :func:`edge_explain.methods.originals.of_bundle`.
    label
        The class to explain; the one that is given out by default.
    quick
        Leave out what takes longest: GradientShap, regions, infidelity and sensitivity.
    seed
        Of all that is drawn by chance.
    background
        What GradientShap compares with; the scan itself, blurred, by default.
    cache
        Where explanations are kept; nowhere by default.
    command
        For the provenance.
    progress
        Is told what is being done, and which share of all is done.

    Raises
    ------
    UsageError
        There is no such class.
    BundleError
        An original is not the file that its run names.
    """
    labels = ensemble.manifest.task.labels
    if label is not None and label not in labels:
        raise UsageError(f"the bundle knows no class {label!r}", hint=f"choose from {', '.join(labels)}")
    prediction = ensemble.predict(scan)
    given = prediction.decision.label
    label = given if label is None else label
    inputs = preprocess(scan.pixels, ensemble.manifest.preprocess)
    if background is None:
        background = Background(blurred(inputs[0, 0])[None], "the scan itself, blurred; no training scans were given")
    settings = QUICK if quick else FULL
    provenance = _provenance(prediction, originals, background, settings, label, seed)
    name = caching.key(provenance)
    made = _kept(cache, name)
    if made is None:
        places = labels.index(given), labels.index(label)
        made = make(Task(inputs, ensemble, originals, *places, settings, seed, background), progress)
        if cache is not None:
            cache.store(name, *pack(made))
    progress("", 1.0)
    return Explanation(
        scan=scan,
        prediction=prediction,
        label=label,
        network_input=inputs[0, 0],
        provenance={**provenance, "command": command} if command else provenance,
        **made._asdict(),
    )


def _kept(cache: caching.Cache | None, name: str) -> Made | None:
    found = cache.load(name) if cache else None
    try:
        return unpack(*found) if found else None
    except (ValueError, KeyError):
        return None


def _provenance(
    prediction: Prediction, originals: Originals, background: Background, settings: Settings, label: str, seed: int
) -> dict[str, str]:
    """All that the result depends on, in words: it is also what the cache goes by."""
    source = prediction.source
    return {
        "scan sha256": prediction.scan_sha256,
        "bundle": source.bundle,
        "bundle sha256": source.bundle_sha256,
        "compiled": f"{source.precision} on {source.backend}",
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
