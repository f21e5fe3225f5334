"""A training on a terminal: one live table of members, drawn by Rich."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .progress import Epoch, TrainingProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from edge_train.config import TrainConfig

MACS = {"resnet18": 1.8, "googlenet": 1.5, "resnet50": 4.1, "resnet101": 7.8}
"""Thousand million multiply-adds of a network at 224 pixels: how the time of one foretells that of another."""
BAR = 10


class _Row:
    """What the table shows of one member."""

    def __init__(self, work: float) -> None:
        self.work, self.state = work, "waiting"
        self.epoch: Epoch | None = None
        self.best = float("inf")
        self.begin = self.done = 0.0
        self.place = ""


class TrainingTable(TrainingProgress):
    """Draws members, epochs, figures and the time that is left; lines of text appear above it.

    Parameters
    ----------
    members
        Id and architecture of each member, and its epochs.
    console
        Where to draw.
    clock
        Seconds.
    """

    def __init__(
        self,
        members: Sequence[tuple[str, str, int]],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._console, self._clock = console, clock
        self._rows = {name: _Row(MACS.get(arch, 4.0) * epochs) for name, arch, epochs in members}
        self._now = ""
        self._live = Live(self.table(), console=console, refresh_per_second=4, redirect_stdout=False)

    def say(self, text: str) -> None:
        """Print a line above the table."""
        self._console.print(Text(text))

    def begin(self, member_id: str, stage: str, scans: int) -> None:
        """Mark the member whose turn it is."""
        self._now = member_id
        row = self._row(member_id)
        row.state, row.begin, row.done, row.place = stage, self._clock(), 0.0, f"{scans} scans"
        self._draw()

    def batch(self, epoch: int, epochs: int, done: int, batches: int) -> None:
        """Move the bar of the epoch."""
        row = self._row(self._now)
        share = done / batches if batches else 1.0
        row.done = (epoch - 1 + share) / epochs
        filled = round(share * BAR)
        row.place = f"{epoch}/{epochs} " + "━" * filled + "╌" * (BAR - filled)
        self._draw()

    def epoch(self, epoch: Epoch) -> None:
        """Show the figures of the epoch."""
        row = self._row(self._now)
        row.epoch, row.best, row.done = epoch, min(row.best, epoch.val_nll), epoch.number / epoch.of
        self._draw()

    def end(self, member_id: str, *, already: bool = False) -> None:
        """Mark a member as trained."""
        row = self._row(member_id)
        row.state, row.done, row.place = "trained before" if already else "trained", 1.0, ""
        self._draw()
        if all(each.done >= 1 for each in self._rows.values()):
            # What is said from now on stands below the table.
            self._live.stop()

    def table(self) -> Table:
        """Draw what is known now."""
        table = Table(box=None, pad_edge=False, show_footer=False)
        table.add_column("member", no_wrap=True)
        table.add_column("epoch", no_wrap=True, min_width=6 + BAR)
        for name in ("loss", "val NLL", "lowest", "accuracy", "time left"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, row in self._rows.items():
            table.add_row(name, row.place or row.state, *_figures(row), self._left(row))
        table.add_row("whole", *[""] * 5, self._left_of_all(), style="bold")
        return table

    def _left(self, row: _Row) -> str:
        if row.done >= 1:
            return "done"
        seconds = self._clock() - row.begin
        return _time(seconds / row.done * (1 - row.done)) if row.done > 0 and seconds > 0 else ""

    def _left_of_all(self) -> str:
        """Estimate from the member under way, by the multiply-adds of all that is left."""
        row = self._rows.get(self._now)
        if row is None or not row.done > 0:
            return ""
        rate = (self._clock() - row.begin) / (row.done * row.work)
        return _time(sum(each.work * (1 - each.done) for each in self._rows.values()) * rate)

    def _row(self, member_id: str) -> _Row:
        return self._rows.setdefault(member_id, _Row(1.0))

    def _draw(self) -> None:
        self._live.update(self.table())

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


@contextlib.contextmanager
def show_training(config: TrainConfig, say: Callable[[str], None], *, terminal: bool) -> Iterator[TrainingProgress]:
    """Show a training on standard error: as a live table on a terminal, as lines by ``say`` elsewhere."""
    if not terminal:
        yield TrainingProgress(say)
        return
    members = [(member.id, member.arch, config.epochs_for(member.id)) for member in config.members]
    with TrainingTable(members, Console(stderr=True, highlight=False)) as table:
        yield table


def _figures(row: _Row) -> tuple[str, str, str, str]:
    found = row.epoch
    if found is None:
        return "", "", "", ""
    return f"{found.train_ce:.3f}", f"{found.val_nll:.3f}", f"{row.best:.3f}", f"{found.val_accuracy:.3f}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
