"""Replay a bundle's reference scans on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run.backends import AUTO, Availability, choose
from edge_run.bundle.bundle import Bundle
from edge_run.errors import BackendError, BundleError, InputError
from edge_run.scan import read as image
from edge_run.scan.preprocessing import preprocess

from .ensemble import Ensemble

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GREY_LEVEL = 1


class ReferenceCheck(msgspec.Struct, frozen=True):
    """One comparison of this machine with what was recorded at export.

    Attributes
    ----------
    name
        What is compared: ``preprocessing``, or ``<network>.<precision>``.
    difference
        Largest absolute difference: grey levels, or logits.
    tolerance
        What would still pass.
    flips
        Reference scans whose label differs, of those whose recorded label leads by more than the tolerance.
    backend
        What answered; empty for the preprocessing.
    """

    name: str
    difference: float
    tolerance: float
    flips: int
    backend: str = ""

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance and no clear label differs."""
        return self.difference <= self.tolerance and self.flips == 0


def verify(bundle: Bundle | str | Path, *, backend: str = AUTO, threads: int | None = None) -> list[ReferenceCheck]:
    """Compare this machine's answers to the reference scans with those recorded at export.

    Every file of the bundle is read, and so has its hash checked. Each precision that the backend runs is replayed;
    with ``auto``, each on the first backend that runs it here. `not_replayed` says which are left out.

    Parameters
    ----------
    bundle
        An open bundle, its path or its name.

    Raises
    ------
    UsageError
        The backend is unknown.
    BackendError
        The backend runs none of the bundle's precisions, or cannot run here.
    BundleError
        A file is missing or is not the one the manifest names, or the reference scans are not what they should be.
    """
    bundle = bundle if isinstance(bundle, Bundle) else Bundle(bundle)
    manifest = bundle.manifest
    choose(backend, None, manifest.precisions, Availability(backend))
    scans = _reference_scans(bundle)
    grey = np.abs(_reference_image(bundle).astype(int) - scans[:1].astype(int)).max()
    checks = [ReferenceCheck("preprocessing", float(grey), GREY_LEVEL, 0)]
    for file in manifest.files:
        bundle.read(file)
    left_out = not_replayed(bundle, backend)
    for precision in manifest.precisions:
        if precision not in left_out:
            with Ensemble(bundle, precision=precision, backend=backend, threads=threads) as ensemble:
                checks += _replay(ensemble, scans)
    return checks


def replay(ensemble: Ensemble) -> list[ReferenceCheck]:
    """Compare a loaded ensemble's answers to the reference scans with those recorded at export.

    Raises
    ------
    BackendError, BundleError
        The networks fail, or the reference scans are not what they should be.
    """
    return _replay(ensemble, _reference_scans(ensemble.bundle))


def not_replayed(bundle: Bundle, backend: str = AUTO) -> dict[str, str]:
    """Precisions of a bundle that the backend does not run on this machine, and why."""
    available, here, left_out = bundle.manifest.precisions, Availability(backend), {}
    for precision in available:
        try:
            choose(backend, precision, available, here)
        except BackendError as error:
            left_out[precision] = error.message
        else:
            if not bundle.has_model(precision):
                left_out[precision] = f"it is derived when it is first used: edge-run derive {bundle.manifest.name}"
    return left_out


def _reference_scans(bundle: Bundle) -> NDArray[np.uint8]:
    manifest = bundle.manifest
    side = manifest.preprocess.size
    recorded = next(iter(manifest.members[0].artefacts.values())).reference_logits
    scans = bundle.read_array(manifest.reference.scans)
    if scans.shape != (len(recorded), 1, side, side) or scans.dtype != np.uint8:
        raise BundleError(
            f"the reference scans are {list(scans.shape)} {scans.dtype}, expected [{len(recorded)}, 1, {side}, {side}] "
            "uint8",
            hint="export the bundle again",
        )
    return scans


def _reference_image(bundle: Bundle) -> NDArray[np.uint8]:
    try:
        read = image.read(bundle.read(bundle.manifest.reference.image))
    except InputError as error:
        raise BundleError(
            f"the reference image cannot be read: {error.message}", hint="export the bundle again"
        ) from error
    return preprocess(read.pixels, bundle.manifest.preprocess)


def _replay(ensemble: Ensemble, scans: NDArray[np.uint8]) -> list[ReferenceCheck]:
    checks = []
    tolerance = ensemble.manifest.reference.tolerance[ensemble.precision]
    for member, outputs in zip(ensemble.manifest.members, ensemble.outputs(scans), strict=True):
        recorded = np.array(member.artefacts[ensemble.precision].reference_logits)
        difference = float(np.abs(outputs.logits - recorded).max())
        # A label whose lead is within the tolerance may differ by arithmetic alone.
        ranked = np.sort(recorded, axis=1)
        clear = ranked[:, -1] - ranked[:, -2] > tolerance
        flips = int((clear & (outputs.logits.argmax(1) != recorded.argmax(1))).sum())
        checks.append(
            ReferenceCheck(f"{member.id}.{ensemble.precision}", difference, tolerance, flips, ensemble.backend)
        )
    return checks
