"""The run directory: what a training leaves behind, and how it is read again.

::

    run.json                          configuration, labels, data, versions, command
    splits.csv                        name, label, split, group of every scan
    members/<id>/model.safetensors  mean weights of the last epochs, torchvision names
    members/<id>/history.csv        one row per epoch
    ensemble.json                     temperatures, voting weights, thresholds, and the split they were fitted on
    metrics.json                      validation figures
    predictions.csv                   logits of every member for every scan of val and test
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from edge_run._files import replace_file, sha256_file
from edge_run.errors import BundleError, UsageError

from .config import TrainConfig
from .networks.member import MODEL, Member, Normalisation

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 2


class DataRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was trained on: folder names, never their place on a disk."""

    folders: tuple[str, ...]
    fingerprint: str
    split_source: str
    counts: dict[str, dict[str, int]]
    warnings: tuple[str, ...] = ()


class MemberRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One trained network.

    Attributes
    ----------
    id
        Its name in the run: the folder of its weights, and its name in the vote.
    mean, std
        Of the normalisation inside the network.
    transform_input
        Always false: torchvision's GoogLeNet switch, whose effect is in ``mean`` and ``std``.
    initial_sha256
        Of the state the training began with, head included.
    averaged_epochs
        The weights are the mean over the ends of the last epochs, this many.
    """

    id: str
    arch: str
    mean: float
    std: float
    sha256: str
    initial_sha256: str
    averaged_epochs: int
    transform_input: bool = False


class RunRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``run.json``."""

    schema_version: int
    created: str
    command: str
    labels: tuple[str, ...]
    positive: str
    config: TrainConfig
    data: DataRecord
    source: DataRecord | None
    members: tuple[MemberRecord, ...]
    versions: dict[str, str]
    arithmetic: str
    threads: int


class _Versioned(msgspec.Struct, frozen=True):
    """What is read first, whatever else a record of another version holds."""

    schema_version: int


class Voter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member's part in the vote.

    Attributes
    ----------
    cost_of_dropping, cost_error
        Rise in validation NLL without it, nats, and its standard error over groups. Cross-fitted under the rule
        ``one-standard-error``; None for a member that votes alone.
    """

    id: str
    weight: float
    temperature: float
    cost_of_dropping: float | None = None
    cost_error: float | None = None


class EnsembleRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``ensemble.json``: everything fitted after training, and on which split.

    Attributes
    ----------
    shrink
        Of the rule ``shrink`` of edge-run 0.1: maximum likelihood with a prior worth this share of the scans.
    rule
        ``one-standard-error``: see :mod:`edge_run.calibration.cross_fit`.
    evenness
        Of the rule ``one-standard-error``: the degree that was chosen; 0 is maximum likelihood, 1e6 is equal.
    nll
        Cross-fitted validation NLL, nats, by name: ``vote``, ``equal``, ``chance`` and each member's id.
    nll_by_set
        That of the vote on each set that was joined.
    warnings
        What speaks against the vote and was accepted, and temperatures at their limit, one sentence each.
    """

    fitted_on: str
    shrink: float
    operating_point: str
    threshold: float | None
    members: tuple[Voter, ...]
    rule: str = "shrink"
    evenness: float | None = None
    nll: dict[str, float] = {}
    nll_by_set: dict[str, float] = {}
    warnings: tuple[str, ...] = ()


class Run:
    """A finished run directory.

    Parameters
    ----------
    folder
        What ``edge-run train --out`` wrote.

    Raises
    ------
    BundleError
        The folder is not a run, is of another version, or is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        version = read(folder / "run.json", _Versioned).schema_version
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"{folder} has run schema {version}, this edge-run reads {SCHEMA_VERSION}",
                hint="train again with this edge-run, or use the one that wrote it",
            )
        self.record = read(folder / "run.json", RunRecord)
        self.ensemble = read(folder / "ensemble.json", EnsembleRecord)

    def member(self, member_id: str) -> Member:
        """Load one network in eval mode; its hash must be the recorded one."""
        return self.load_member(self.folder, self.record, member_id)

    @staticmethod
    def load_member(folder: Path, record: RunRecord, member_id: str) -> Member:
        """Load one network of a run whose record is at hand.

        Raises
        ------
        BundleError
            The run has no such member, or the file is not the one the record names.
        """
        known = next((m for m in record.members if m.id == member_id), None)
        if known is None:
            raise BundleError(f"{folder} has no member {member_id!r}")
        path = folder / "members" / member_id / MODEL
        if not path.is_file() or sha256_file(path) != known.sha256:
            raise BundleError(
                f"{path} is missing or not the file that run.json names", hint="train again, or restore it"
            )
        with torch.device("meta"):  # all weights are about to be replaced: drawing them would take a second
            member = Member(known.arch, len(record.labels), Normalisation(known.mean, known.std))
        try:
            member.net.load_state_dict(load_file(path), assign=True)
        except (SafetensorError, RuntimeError) as error:
            raise BundleError(f"{path} does not hold a {known.arch}: {error}") from error
        return member.eval()


T = TypeVar("T")


def read(path: Path, kind: type[T]) -> T:
    """Read one JSON record.

    Raises
    ------
    BundleError
        It is missing or does not fit its schema.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}", hint="give a run directory") from error
    # A setting out of range is a UsageError when it is typed, and damage when it is stored.
    except (msgspec.DecodeError, UsageError) as error:
        raise BundleError(f"{path} does not fit its schema: {error}") from error


def _missing(path: Path) -> BundleError:
    """Tell a run that is not finished from a folder that is none, or from a name with a spelling mistake."""
    folder = path.parent
    if not folder.is_dir():
        return BundleError(f"there is no run at {folder}", hint="check the path; edge-run train wrote it with --out")
    if not (folder / "request.json").is_file():
        return BundleError(
            f"{folder} is not a run: {path.name} is missing", hint="give the folder that edge-run train wrote"
        )
    return BundleError(
        f"{folder} is not a finished run: {path.name} is missing",
        hint=f"edge-run train DATA --out {folder} --resume",
    )


def write(path: Path, record: object) -> None:
    """Write one JSON record, indented, atomically."""
    replace_file(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n", private=False)
