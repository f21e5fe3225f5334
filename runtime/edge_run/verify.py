"""Replay a bundle's reference scans on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from . import image
from .backends import AUTO, BACKENDS
from .ensemble import Ensemble
from .preprocessing import preprocess

if TYPE_CHECKING:
    from .bundle import Bundle

GREY_LEVEL = 1


class Check(msgspec.Struct, frozen=True):
    """One comparison.

    Attributes
    ----------
    name
        What is compared: ``preprocessing``, or ``<network>.<precision>``.
    difference
        Largest absolute difference: grey levels, or logits.
    tolerance
        What would still pass.
    flips
        Reference scans whose label differs.
    """

    name: str
    difference: float
    tolerance: float
    flips: int

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance and no label differs."""
        return self.difference <= self.tolerance and self.flips == 0


def verify(bundle: Bundle, *, backend: str = AUTO, threads: int | None = None) -> list[Check]:
    """Compare this machine's answers to the reference scans with those recorded at export.

    Every file of the bundle is read, and so has its hash checked. Each precision that the backend runs is replayed.

    Raises
    ------
    BundleError
        A file is missing or is not the one the manifest names.
    """
    manifest = bundle.manifest
    scans = bundle.read_array(manifest.reference.scans)
    read = image.read(bundle.read(manifest.reference.image))
    again = preprocess(read.pixels, manifest.preprocess)[0]
    grey = np.abs(again.astype(int) - scans[0].astype(int)).max()
    checks = [Check("preprocessing", float(grey), GREY_LEVEL, 0)]
    for member in manifest.members:
        bundle.read(member.head)
        for artefact in member.artefacts.values():
            bundle.read(artefact.file)
    runnable = {p for name, b in BACKENDS.items() if backend in (AUTO, name) for p in b.precisions}
    for precision in manifest.precisions:
        if precision in runnable:
            with Ensemble(bundle, precision=precision, backend=backend, threads=threads) as ensemble:
                checks += _replay(ensemble, scans)
    return checks


def _replay(ensemble: Ensemble, scans: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[Check]:
    checks = []
    tolerance = ensemble.manifest.reference.tolerance[ensemble.precision]
    for member, outputs in zip(ensemble.manifest.members, ensemble.run(scans), strict=True):
        recorded = np.array(member.artefacts[ensemble.precision].reference_logits)
        difference = float(np.abs(outputs.logits - recorded).max())
        flips = int((outputs.logits.argmax(1) != recorded.argmax(1)).sum())
        checks.append(Check(f"{member.arch}.{ensemble.precision}", difference, tolerance, flips))
    return checks
