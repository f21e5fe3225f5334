"""Slots for work that must not run too often at once, and a bounded queue in front of them."""

from __future__ import annotations

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from .refusals import BusyError, GoneError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")


class Slots:
    """Threads that work for requests; each holds its slot until its work ends, whatever its client does meanwhile.

    Used from one event loop.

    Parameters
    ----------
    slots
        Requests that are worked for at a time.
    queue
        Requests that may wait; the next is refused.

    Attributes
    ----------
    working, waiting
        Requests that have a slot, and that wait for one.
    """

    def __init__(self, slots: int, queue: int) -> None:
        self.slots, self.queue = slots, queue
        self.working = self.waiting = 0
        self._turn = asyncio.Semaphore(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="answer")
        self._seconds = 0.1

    async def run(
        self, work: Callable[[], _T], gone: Callable[[], Awaitable[bool]] | None = None, *, patient: bool = False
    ) -> _T:
        """Work in a slot, and return what came of it.

        Parameters
        ----------
        work
            Called in a thread.
        gone
            Whether the client has left, which is asked when its turn comes.
        patient
            Wait also where the queue is full: a part of this request has been answered.

        Raises
        ------
        BusyError
            The queue is full.
        GoneError
            The client has left.
        """
        if self._turn.locked() and self.waiting >= self.queue and not patient:
            raise BusyError(self.retry_after)
        self.waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self.waiting -= 1
        if gone is not None and await self._left(gone):
            raise GoneError("the client has left")
        self.working += 1
        begin = time.monotonic()
        done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        done.add_done_callback(lambda future: self._release(future, begin))
        # A request that is cancelled leaves its work running, and with it the slot taken.
        return await asyncio.shield(done)

    @property
    def retry_after(self) -> int:
        """Seconds after which the queue will have become shorter."""
        return max(1, math.ceil(self.waiting / self.slots * self._seconds))

    def close(self) -> None:
        """Wait for the work that runs."""
        self._threads.shutdown(cancel_futures=True)

    async def _left(self, gone: Callable[[], Awaitable[bool]]) -> bool:
        try:
            left = await gone()
        except BaseException:
            self._turn.release()
            raise
        if left:
            self._turn.release()
        return left

    def _release(self, future: asyncio.Future[_T], begin: float) -> None:
        self.working -= 1
        self._turn.release()
        # A moving average is enough to say when to ask again.
        self._seconds += 0.1 * (time.monotonic() - begin - self._seconds)
        if not future.cancelled():
            # Where the request was cancelled, nobody else asks for it, and asyncio would complain.
            future.exception()
