"""Everything that decides what a training gives; recorded whole in ``run.json``."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from edge_run.errors import UsageError
from edge_run.scan.preprocessing import PreprocessSpec

from .data.augment import Augmentation
from .networks.member import ARCHITECTURES
from .networks.orthogonal_spheres import OrthogonalSpheres

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_SEED = 2**32 - 1
"""Of PyTorch, NumPy and Python at once, as Lightning seeds them."""

Balance = Literal["loss", "none"]
Precision = Literal["auto", "bf16-mixed", "32-true"]


class MemberSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One network to train.

    Attributes
    ----------
    id
        Its name in the run and in the bundle, by default that of the network: letters, digits, ``-`` and ``_``.
    arch
        A key of :data:`edge_train.networks.member.ARCHITECTURES`.
    seed
        Added to the training's seed: two members of one network need different ones to differ.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    arch: str
    seed: int = 0


def parse_members(text: str) -> tuple[MemberSpec, ...]:
    """Read a list of members, ``resnet18,resnet18:seed=1,resnet50``.

    A second member of one network is called ``resnet18-2``, a third ``resnet18-3``; ``resnet18:id=left`` names it.

    Raises
    ------
    UsageError
        An entry is not ``NETWORK``, ``NETWORK:seed=N`` or ``NETWORK:id=NAME``.
    """
    members: list[MemberSpec] = []
    for word in text.split(","):
        arch, *options = word.strip().split(":")
        settings = dict(option.partition("=")[::2] for option in options)
        if set(settings) - {"seed", "id"} or not settings.get("seed", "0").isdigit():
            raise UsageError(
                f"member {word!r} is not NETWORK, NETWORK:seed=N or NETWORK:id=NAME",
                hint="--members resnet18,resnet18:seed=1",
            )
        count = 1 + sum(member.arch == arch for member in members)
        name = settings.get("id") or (arch if count == 1 else f"{arch}-{count}")
        members.append(MemberSpec(name, arch, int(settings.get("seed", "0"))))
    return tuple(members)


def spell_members(members: Sequence[MemberSpec]) -> str:
    """Spell members as :func:`parse_members` reads them."""
    words = []
    for member in members:
        seed = f":seed={member.seed}" if member.seed else ""
        name = f":id={member.id}" if member.id != member.arch else ""
        words.append(f"{member.arch}{seed}{name}")
    return ",".join(words)


def default_members(*archs: str) -> tuple[MemberSpec, ...]:
    """Return one member for each network, called like it."""
    return tuple(MemberSpec(arch, arch) for arch in archs)


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The switches of ``edge-run train``.

    Attributes
    ----------
    members
        Networks to train, in this order.
    init
        ``imagenet``, ``none`` or a folder of state dicts.
    epochs, source_epochs
        Passes over the target and over the source set.
    member_epochs
        Other numbers of epochs for single members, by id.
    learning_rate
        Peak of AdamW's one-epoch warm-up and cosine decay.
    balance
        ``loss`` weighs each class by the inverse of its frequency; ``none`` leaves the loss alone.
    average_epochs
        The weights of a member are the mean over the ends of its last epochs, this many (Izmailov et al. 2018,
        stochastic weight averaging); 0 takes a quarter of them. No epoch is picked: the scans that would pick it
        are those that fit the vote.
    early_size
        Side, pixels, that scans are shrunk to during the first two thirds of the epochs, which then cost less; 0 trains
        at the full size throughout.
    seed
        Decides starting head, order, augmentation and dropout.
    """

    members: tuple[MemberSpec, ...] = default_members("resnet18", "googlenet", "resnet50", "resnet101")
    init: str = "imagenet"
    epochs: int = 12
    member_epochs: dict[str, int] = {}
    source_epochs: int = 6
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    balance: Balance = "loss"
    average_epochs: int = 0
    early_size: int = 0
    seed: int = 0
    precision: Precision = "auto"
    orthogonal_spheres: OrthogonalSpheres = OrthogonalSpheres()
    augmentation: Augmentation = Augmentation()
    preprocess: PreprocessSpec = PreprocessSpec()

    def __post_init__(self) -> None:
        unknown = [member.arch for member in self.members if member.arch not in ARCHITECTURES]
        if unknown or not self.members:
            raise UsageError(
                f"members {', '.join(unknown) or 'none'} are not networks",
                hint=f"choose from {', '.join(ARCHITECTURES)}",
            )
        ids = [member.id for member in self.members]
        if len(set(ids)) != len(ids):
            raise UsageError(f"members {', '.join(ids)} do not have different ids", hint="--members NETWORK:id=NAME")
        if len({(member.arch, member.seed) for member in self.members}) != len(ids):
            raise UsageError(
                "two members have the same network and the same seed", hint="--members resnet18,resnet18:seed=1"
            )
        spheres = self.orthogonal_spheres
        uneven = [m.arch for m in self.members if ARCHITECTURES[m.arch].width % spheres.blocks]
        if uneven and spheres.weight:
            raise UsageError(
                f"{spheres.blocks} OS blocks do not divide the features of {', '.join(uneven)}", hint="--os-blocks 16"
            )
        if not set(self.member_epochs) <= set(ids):
            raise UsageError(f"epochs are given for {sorted(self.member_epochs)}, but these are not all members")
        self._check_numbers()

    def _check_numbers(self) -> None:
        largest = max(member.seed for member in self.members)
        faults = {
            f"epochs {self.epochs} are fewer than 1": self.epochs < 1,
            f"epochs {self.member_epochs} are fewer than 1": min(self.member_epochs.values(), default=1) < 1,
            f"source epochs {self.source_epochs} are fewer than 1": self.source_epochs < 1,
            f"averaged epochs {self.average_epochs} are negative": self.average_epochs < 0,
            f"early size {self.early_size} is not between 0 and the size": not 0
            <= self.early_size
            <= self.preprocess.size,
            f"batch size {self.batch_size} is less than 2": self.batch_size < 2,
            f"learning rate {self.learning_rate} is not a number above 0": not 0 < self.learning_rate < inf,
            f"weight decay {self.weight_decay} is not a number from 0 up": not 0 <= self.weight_decay < inf,
            f"seed {self.seed} (and each member's added) is not between 0 and {LARGEST_SEED}": not (
                0 <= self.seed <= LARGEST_SEED - largest and min(member.seed for member in self.members) >= 0
            ),
        }
        wrong = [fault for fault, is_so in faults.items() if is_so]
        if wrong:
            raise UsageError("; ".join(wrong), hint="edge-run train --help shows the options and their defaults")

    def averaged(self, epochs: int) -> int:
        """How many of a training's ``epochs`` its weights are averaged over."""
        return min(epochs, self.average_epochs or max(1, epochs // 4))

    def epochs_for(self, member_id: str) -> int:
        """Passes over the target set for one member."""
        return self.member_epochs.get(member_id, self.epochs)
