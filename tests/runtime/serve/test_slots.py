from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from edge_run.serve.refusals import BusyError, GoneError
from edge_run.serve.slots import Slots


class Work:
    """Work that begins when it has a slot and ends when it is told to."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.end.wait(10)
        return "done"


async def begun(work: Work) -> None:
    assert await asyncio.to_thread(work.begun.wait, 10)


def run(main: Any) -> None:
    asyncio.run(main)


def test_queue_is_bounded_and_says_when_to_ask_again() -> None:
    async def main() -> None:
        slots, work = Slots(1, 1), Work()
        first = asyncio.create_task(slots.run(work))
        await begun(work)
        second = asyncio.create_task(slots.run(lambda: "second"))
        await asyncio.sleep(0)
        with pytest.raises(BusyError) as busy:
            await slots.run(lambda: "third")
        assert busy.value.status == 429
        assert int(busy.value.headers["Retry-After"]) >= 1
        work.end.set()
        assert [await first, await second] == ["done", "second"]
        assert (slots.working, slots.waiting) == (0, 0)
        slots.close()

    run(main())


def test_patient_request_waits_where_the_queue_is_full() -> None:
    async def main() -> None:
        slots, work = Slots(1, 0), Work()
        first = asyncio.create_task(slots.run(work))
        await begun(work)
        patient = asyncio.create_task(slots.run(lambda: "patient", patient=True))
        await asyncio.sleep(0)
        work.end.set()
        assert [await first, await patient] == ["done", "patient"]
        slots.close()

    run(main())


def test_slot_is_held_until_the_work_ends() -> None:
    async def main() -> None:
        slots, work, other = Slots(1, 1), Work(), Work()
        cancelled = asyncio.create_task(slots.run(work))
        await begun(work)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert slots.working == 1
        waiting = asyncio.create_task(slots.run(other))
        await asyncio.sleep(0.05)
        assert not other.begun.is_set()
        other.end.set()
        work.end.set()
        assert await waiting == "done"
        slots.close()

    run(main())


def test_client_that_has_left_is_dropped_before_its_turn() -> None:
    async def main() -> None:
        slots, done = Slots(1, 1), []

        async def left() -> bool:
            return True

        with pytest.raises(GoneError):
            await slots.run(lambda: done.append(1), left)
        assert done == []
        assert await slots.run(lambda: "next") == "next"
        slots.close()

    run(main())


def test_error_of_work_frees_its_slot() -> None:
    async def main() -> None:
        slots = Slots(1, 0)

        def failing() -> None:
            raise ValueError("broken")

        for _ in range(3):
            with pytest.raises(ValueError, match="broken"):
                await slots.run(failing)
        assert await slots.run(lambda: "next") == "next"
        slots.close()

    run(main())
