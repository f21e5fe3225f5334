"""When a series is complete."""

from __future__ import annotations

from edge_run.node.series import SeriesClock
from edge_run.node.settings import Peer

PEER = Peer("ct", "CT", ("127.0.0.1",), quiet_seconds=10, released_seconds=3, radiograph_seconds=2)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fed(clock: SeriesClock, series: str = "s", association: object = "a", modality: str = "CT") -> None:
    clock.fed(series, association, PEER, modality, is_new=True)


def test_quiet_is_not_enough_while_an_association_that_fed_it_is_open():
    time = Time()
    clock = SeriesClock(time)
    fed(clock)
    time.now = 1000
    assert clock.ready() == []
    clock.ended("a", released=False)
    assert clock.ready() == ["s"]
    assert clock.ready() == []


def test_release_shortens_the_wait_and_an_abort_does_not():
    time = Time()
    clock = SeriesClock(time)
    fed(clock, "released", "a")
    fed(clock, "aborted", "b")
    clock.ended("a", released=True)
    clock.ended("b", released=False)
    time.now = 3
    assert clock.ready() == ["released"]
    time.now = 9.9
    assert clock.ready() == []
    time.now = 10
    assert clock.ready() == ["aborted"]


def test_another_association_that_feeds_it_keeps_it_open():
    time = Time()
    clock = SeriesClock(time)
    fed(clock, "s", "a")
    fed(clock, "s", "b")
    clock.ended("a", released=True)
    time.now = 1000
    assert clock.ready() == []
    assert clock.open == 1


def test_radiographs_wait_less():
    time = Time()
    clock = SeriesClock(time)
    fed(clock, modality="DX")
    clock.ended("a", released=False)
    time.now = 2
    assert clock.ready() == ["s"]


def test_what_was_there_already_makes_no_series_wait_but_extends_one_that_does():
    time = Time()
    clock = SeriesClock(time)
    clock.fed("s", "a", PEER, "CT", is_new=False)
    assert clock.open == 0
    fed(clock)
    clock.ended("a", released=False)
    time.now = 9
    clock.fed("s", "b", PEER, "CT", is_new=False)
    clock.ended("b", released=False)
    time.now = 18
    assert clock.ready() == []
    time.now = 19
    assert clock.ready() == ["s"]


def test_series_that_keeps_changing_waits_longer_each_time():
    for answers, seconds in ((0, 10), (2, 10), (3, 20), (4, 40), (99, 640)):
        time = Time()
        clock = SeriesClock(time)
        clock.fed("s", "a", PEER, "CT", is_new=True, answers=answers)
        clock.ended("a", released=False)
        time.now = seconds - 0.1
        assert clock.ready() == []
        time.now = seconds
        assert clock.ready() == ["s"]


def test_series_of_before_a_restart_waits_for_its_sender():
    time = Time()
    clock = SeriesClock(time)
    clock.resume("s", PEER, "CT")
    assert clock.ready() == []
    time.now = 10
    assert clock.ready() == ["s"]
