"""The table of a training on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from edge_train.fit.progress import Epoch
from edge_train.fit.terminal import TrainingTable

MEMBERS = [("resnet18", "resnet18", 2), ("resnet50-2", "resnet50", 4)]


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def table(width: int = 80) -> tuple[TrainingTable, Clock, io.StringIO]:
    clock, screen = Clock(), io.StringIO()
    return TrainingTable(MEMBERS, Console(file=screen, width=width, force_terminal=False), clock), clock, screen


def drawn(shown: TrainingTable, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(shown.table())
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [80, 110, 170])
def test_every_row_is_one_line_at_each_width(width):
    shown, clock, _ = table(width)
    shown.begin("resnet18", "fine-tuning", 1878)
    clock.now = 3600.0
    shown.batch(1, 2, 50, 100)
    shown.epoch(Epoch(1, 2, 0.5544, 8.8819, 0.6491, 0.6649, averaged=False))
    lines = drawn(shown, width)
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines] == ["member", "resnet18", "resnet50-2", "whole"]
    assert "0.554" in lines[1]
    assert "0.649" in lines[1]
    assert "waiting" in lines[2]


def test_time_left_is_foretold_by_the_work_of_the_others():
    shown, clock, _ = table()
    shown.begin("resnet18", "fine-tuning", 100)
    clock.now = 90.0
    shown.batch(1, 2, 1, 2)
    # A quarter of 3.6 took 90 s; 2.7 of it and 16.4 of the other are left, at 100 s a unit.
    assert drawn(shown, 80)[1].split()[-1] == "4:30"
    assert drawn(shown, 80)[3].split()[-1] == "31:50"


def test_members_that_are_trained_are_done():
    shown, _, _ = table()
    for name in ("resnet18", "resnet50-2"):
        shown.end(name, already=True)
    assert [line.split()[-1] for line in drawn(shown, 80)[1:3]] == ["done", "done"]


def test_lines_are_printed_as_they_are():
    shown, _, screen = table()
    shown.say("warning: [odd] name")
    assert screen.getvalue() == "warning: [odd] name\n"
