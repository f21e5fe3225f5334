"""How far a training is, for whoever shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Epoch(NamedTuple):
    """An epoch that has ended.

    Attributes
    ----------
    number, of
        Counted from 1, and how many there are.
    train_ce, train_os
        Mean cross-entropy of the training scans, nats, and the Orthogonal-Spheres term.
    val_nll, val_accuracy
        Negative log-likelihood of the validation scans, nats, and the share of them that is labelled rightly.
    averaged
        Whether its weights enter the mean that the member keeps.
    """

    number: int
    of: int
    train_ce: float
    train_os: float
    val_nll: float
    val_accuracy: float
    averaged: bool

    def __str__(self) -> str:
        """Write it in one line."""
        figures = {name: getattr(self, name) for name in ("train_ce", "train_os", "val_nll", "val_accuracy")}
        described = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        return f"  epoch {self.number}/{self.of}  {described}" + ("  averaged" if self.averaged else "")


class TrainingProgress:
    """Receives how far a training is, and says it in lines; a subclass may draw it instead.

    Parameters
    ----------
    say
        Receives each line.
    """

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self._say = say

    def say(self, text: str) -> None:
        """Pass a line on that belongs to no epoch."""
        self._say(text)

    def begin(self, member_id: str, stage: str, scans: int) -> None:
        """Note that a stage of a member's training begins: ``fine-tuning`` or ``source stage``."""
        self.say(f"{member_id}: {stage} on {scans} scans")

    def batch(self, epoch: int, epochs: int, done: int, batches: int) -> None:
        """Note that a batch has ended, of the epoch that is counted from 1."""

    def epoch(self, epoch: Epoch) -> None:
        """Note that an epoch has ended."""
        self.say(str(epoch))

    def end(self, member_id: str, *, already: bool = False) -> None:
        """Note that a member is trained; ``already``: in an earlier call."""
        if already:
            self.say(f"{member_id}: trained already")
