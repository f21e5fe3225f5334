"""The PyTorch networks that a bundle was made of, and no others."""

from __future__ import annotations

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

    arch: str
    sha256: str
    weight: float
    temperature: float
    load: Callable[[], Member]


class Originals:
    """The networks, loaded when they are first asked for, in eval mode and with frozen weights.

    They lie on the GPU where PyTorch sees one.
    """

    def __init__(self, originals: Sequence[Original]) -> None:
        self._originals = {original.arch: original for original in originals}
        self._loaded: dict[str, Member] = {}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def archs(self) -> tuple[str, ...]:
        """The networks, in the bundle's order."""
        return tuple(self._originals)

    @property
    def sha256(self) -> Mapping[str, str]:
        """Of the weights' files, by network."""
        return {arch: original.sha256 for arch, original in self._originals.items()}

    def temperature(self, arch: str) -> float:
        """What divides a network's logits."""
        return self._originals[arch].temperature

    def member(self, arch: str) -> Member:
        """One network.

        Raises
        ------
        BundleError
            Its file is not the one that the run names.
        """
        if arch not in self._loaded:
            # Frozen, so that a backward pass neither computes nor keeps what only a training needs.
            member = self._originals[arch].load().eval().requires_grad_(False).to(self.device)
            # A third faster, forward and backward.
            self._loaded[arch] = member.to(memory_format=torch.channels_last)
        return self._loaded[arch]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities of the vote, ``[N, classes]``, of network inputs ``[N, size, size] uint8``."""
        each = [softmax(infer(self.member(arch), pixels), self.temperature(arch)) for arch in self.archs]
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
    voters = {voter.arch: voter for voter in run.ensemble.members}
    return Originals(
        [
            Original(arch, sha256, voters[arch].weight, voters[arch].temperature, lambda a=arch: run.member(a))  # type: ignore[misc]
            for member in bundle.manifest.members
            for arch, sha256 in [(member.arch, bundle.manifest.provenance.weights[member.arch])]
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
    found = {member.arch: member.sha256 for member in record.members}
    wanted = manifest.provenance.weights
    archs = [member.arch for member in manifest.members]
    voting = {voter.arch for voter in run.ensemble.members}
    other = [arch for arch in archs if arch not in wanted or found.get(arch) != wanted[arch] or arch not in voting]
    if not other and (record.labels, record.config.preprocess) == (manifest.task.labels, manifest.preprocess):
        return
    names = ", ".join(f"{arch} ({_short(found.get(arch))}, not {_short(wanted.get(arch))})" for arch in other)
    raise BundleError(
        f"{run.folder} is not the run that the bundle {manifest.name} was made of: "
        + (f"other weights of {names}" if other else "its labels or its preprocessing differ"),
        hint=f"give the run it was exported from; or export this one: edge-run export {run.folder} --out BUNDLE",
    )


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "none"
