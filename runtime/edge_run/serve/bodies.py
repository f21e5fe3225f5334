"""Bodies of requests, read within bounds: of one body (Starlette's), of all together, and of time."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from .refusals import GoneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

SECONDS = 30.0
"""For a whole body to arrive."""


class Bodies:
    """Reads bodies into memory.

    Parameters
    ----------
    max_total
        Most bytes of all bodies that are in memory at a time.
    """

    def __init__(self, max_total: int, seconds: float = SECONDS) -> None:
        self._left, self._seconds = max_total, seconds

    @contextmanager
    def _counted(self) -> Iterator[list[int]]:
        """Count the bytes of one body, and give them back at the end."""
        taken = [0]
        try:
            yield taken
        finally:
            self._left += taken[0]

    async def read(self, request: Request) -> bytes:
        """Read a body.

        Raises
        ------
        RefusedError
            408: it arrives too slowly. 429: too many bytes of other bodies are in memory.
        GoneError
            The client has left.
        """
        try:
            with self._counted() as taken:
                return await asyncio.wait_for(self._read(request, taken), self._seconds)
        except asyncio.TimeoutError as error:
            raise RefusedError(
                408, f"the body did not arrive within {self._seconds:g} s", headers={"Connection": "close"}
            ) from error
        except ClientDisconnect as error:
            raise GoneError("the client has left") from error

    async def _read(self, request: Request, taken: list[int]) -> bytes:
        parts: list[bytes] = []
        async for part in request.stream():
            taken[0] += len(part)
            self._left -= len(part)
            if self._left < 0:
                raise RefusedError(
                    429, "too many scans arrive at once", hint="ask again in 1 s",
                    headers={"Retry-After": "1", "Connection": "close"},
                )  # fmt: skip
            parts.append(part)
        return b"".join(parts)
