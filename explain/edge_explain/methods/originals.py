"""The PyTorch originals of a bundle: those of its run, or rebuilt from the bundle itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from edge_run.errors import BundleError
from edge_run.voting.vote import softmax, vote
from edge_train.networks.infer import infer
from edge_train.run import Run

from .rebuild import rebuild, rebuilt_precision, source_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_train.networks.member import Member

FOLDER = "originals"
"""Folder inside a bundle with a copy of its run, from which the originals are then loaded."""

TRAINED, REBUILT = "trained originals of the run", "originals rebuilt from the bundle"


class Original(NamedTuple):
    """One network.

    Attributes
    ----------
    id
        The member that it is the original of.
    sha256
        Hash of the file that it is loaded from.
    weight, temperature
        Its weight in the vote, and what divides its logits.
    load
        Loads it.
    """

    id: str
    sha256: str
    weight: float
    temperature: float
    load: Callable[[], Member]


class Originals:
    """The networks, loaded at first use, in eval mode and with frozen weights, on the GPU where PyTorch sees one.

    Parameters
    ----------
    originals
        One for each member, in the bundle's order.
    origin
        Where they come from: :data:`TRAINED` or :data:`REBUILT`, with details.
    """

    def __init__(self, originals: Sequence[Original], origin: str = TRAINED) -> None:
        self._originals = {original.id: original for original in originals}
        self._loaded: dict[str, Member] = {}
        self.origin = origin
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def ids(self) -> tuple[str, ...]:
        """The members, in the bundle's order."""
        return tuple(self._originals)

    @property
    def sha256(self) -> Mapping[str, str]:
        """Hashes of the files that the networks are loaded from, by member."""
        return {member_id: original.sha256 for member_id, original in self._originals.items()}

    def temperature(self, member_id: str) -> float:
        """Return the temperature that divides a network's logits."""
        return self._originals[member_id].temperature

    def member(self, member_id: str) -> Member:
        """Return one network, and load it at the first call.

        Raises
        ------
        BundleError
            Its file is damaged or another one, or the network cannot be rebuilt.
        """
        if member_id not in self._loaded:
            # Frozen, so that a backward pass does not compute or keep what only training needs.
            member = self._originals[member_id].load().eval().requires_grad_(False).to(self.device)
            # A third faster, forward and backward.
            self._loaded[member_id] = member.to(memory_format=torch.channels_last)
        return self._loaded[member_id]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Compute the vote's calibrated probabilities, ``[N, classes]``, of inputs ``[N, size, size] uint8``."""
        each = [softmax(infer(self.member(member_id), pixels), self.temperature(member_id)) for member_id in self.ids]
        return vote(np.stack(each), [original.weight for original in self._originals.values()])


def load_originals(bundle: Bundle, run_folder: Path | None = None) -> Originals:
    """Find the originals of a bundle: in its run, or else rebuild them from the bundle.

    Parameters
    ----------
    bundle
        The bundle that answers.
    run_folder
        The run that it was exported from. By default a copy of the run in the bundle's folder ``originals`` where there
        is one; else the networks are rebuilt from the bundle's own files.

    Raises
    ------
    BundleError
        The run is damaged, or its weights are not those that the bundle names.
    """
    if run_folder is None and (bundle.path / FOLDER).is_dir():
        run_folder = bundle.path / FOLDER
    return _rebuilt(bundle) if run_folder is None else _trained(bundle, Run(run_folder))


def _rebuilt(bundle: Bundle) -> Originals:
    members = bundle.manifest.members
    return Originals(
        [
            Original(
                m.id,
                bundle.source_of(m, rebuilt_precision(m)).sha256,
                m.weight,
                m.artefacts[rebuilt_precision(m)].temperature,
                partial(rebuild, bundle, m),
            )
            for m in members
        ],
        f"{REBUILT}, {' and '.join(sorted({source_precision(member) for member in members}))}",
    )


def _trained(bundle: Bundle, run: Run) -> Originals:
    _require_same(bundle, run)
    voters = {voter.id: voter for voter in run.ensemble.members}
    weights = bundle.manifest.provenance.weights
    return Originals(
        [
            Original(m.id, weights[m.id], voters[m.id].weight, voters[m.id].temperature, partial(run.member, m.id))
            for m in bundle.manifest.members
        ]
    )


def _require_same(bundle: Bundle, run: Run) -> None:
    """Raise BundleError where a run is not the one that a bundle was exported from."""
    manifest, record = bundle.manifest, run.record
    in_run = {member.id: member.sha256 for member in record.members}
    in_bundle = manifest.provenance.weights
    ids = [member.id for member in manifest.members]
    voting = {voter.id for voter in run.ensemble.members}
    other = [i for i in ids if i not in in_bundle or in_run.get(i) != in_bundle[i] or i not in voting]
    # A bundle resizes in whole numbers whatever the training did; the two differ by at most one grey level.
    same_input = record.config.preprocess.exact() == manifest.preprocess.exact()
    if not other and same_input and record.labels == manifest.task.labels:
        return
    names = ", ".join(f"{i} ({_short(in_run.get(i))}, not {_short(in_bundle.get(i))})" for i in other)
    raise BundleError(
        f"{run.folder} is not the run that the bundle {manifest.name} was exported from: "
        + (f"other weights of {names}" if other else "its labels or its preprocessing differ"),
        hint=f"leave --run out: the originals are then rebuilt from the bundle; or edge-run export {run.folder}",
    )


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "none"
