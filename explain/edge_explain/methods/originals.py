"""The PyTorch networks that a bundle was made of, and no others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from edge_run.errors import BundleError, UsageError
from edge_run.voting.vote import softmax, vote
from edge_train.networks.infer import infer
from edge_train.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_train.networks.member import Member

FOLDER = "originals"
"""Where a bundle carries its originals: a copy of the run directory."""


class Original(NamedTuple):
    """One network: its part in the vote before it was compiled, and how it is loaded."""

    id: str
    sha256: str
    weight: float
    temperature: float
    load: Callable[[], Member]


class Originals:
    """The networks, loaded when they are first asked for, in eval mode and with frozen weights.

    They lie on the GPU where PyTorch sees one.
    """

    def __init__(self, originals: Sequence[Original]) -> None:
        self._originals = {original.id: original for original in originals}
        self._loaded: dict[str, Member] = {}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def ids(self) -> tuple[str, ...]:
        """The networks, in the bundle's order."""
        return tuple(self._originals)

    @property
    def sha256(self) -> Mapping[str, str]:
        """Of the weights' files, by network."""
        return {member_id: original.sha256 for member_id, original in self._originals.items()}

    def temperature(self, member_id: str) -> float:
        """What divides a network's logits."""
        return self._originals[member_id].temperature

    def member(self, member_id: str) -> Member:
        """One network.

        Raises
        ------
        BundleError
            Its file is not the one that the run names.
        """
        if member_id not in self._loaded:
            # Frozen, so that a backward pass neither computes nor keeps what only a training needs.
            member = self._originals[member_id].load().eval().requires_grad_(False).to(self.device)
            # A third faster, forward and backward.
            self._loaded[member_id] = member.to(memory_format=torch.channels_last)
        return self._loaded[member_id]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities of the vote, ``[N, classes]``, of network inputs ``[N, size, size] uint8``."""
        each = [softmax(infer(self.member(member_id), pixels), self.temperature(member_id)) for member_id in self.ids]
        return vote(np.stack(each), [original.weight for original in self._originals.values()])


def of_bundle(bundle: Bundle, run_folder: Path | None = None) -> Originals:
    """Originals of a bundle.

    Parameters
    ----------
    run_folder
        The run that the bundle was exported from; without it, the bundle's own folder ``originals``.

    Raises
    ------
    UsageError
        No run is given, and the bundle carries no originals.
    BundleError
        The run is damaged, or another one: its weights are not those that the bundle names.
    """
    run = Run(folder_of(bundle, run_folder))
    _require_same(bundle, run)
    voters = {voter.id: voter for voter in run.ensemble.members}
    weights = bundle.manifest.provenance.weights
    return Originals(
        [
            Original(m.id, weights[m.id], voters[m.id].weight, voters[m.id].temperature, partial(run.member, m.id))
            for m in bundle.manifest.members
        ]
    )


def folder_of(bundle: Bundle, run_folder: Path | None) -> Path:
    """The run directory that is given, or that a bundle carries.

    Raises
    ------
    UsageError
        There is neither.
    """
    folder = bundle.path / FOLDER if run_folder is None else run_folder
    if run_folder is None and not folder.is_dir():
        raise UsageError(
            f"the bundle {bundle.manifest.name} does not carry its PyTorch originals",
            hint="give the run it was exported from with --run, or copy that run to BUNDLE/originals",
        )
    return folder


def _require_same(bundle: Bundle, run: Run) -> None:
    manifest, record = bundle.manifest, run.record
    found = {member.id: member.sha256 for member in record.members}
    wanted = manifest.provenance.weights
    ids = [member.id for member in manifest.members]
    voting = {voter.id for voter in run.ensemble.members}
    other = [i for i in ids if i not in wanted or found.get(i) != wanted[i] or i not in voting]
    if not other and (record.labels, record.config.preprocess) == (manifest.task.labels, manifest.preprocess):
        return
    names = ", ".join(f"{i} ({_short(found.get(i))}, not {_short(wanted.get(i))})" for i in other)
    raise BundleError(
        f"{run.folder} is not the run that the bundle {manifest.name} was made of: "
        + (f"other weights of {names}" if other else "its labels or its preprocessing differ"),
        hint=f"give the run it was exported from; or export this one: edge-run export {run.folder} --out BUNDLE",
    )


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "none"
