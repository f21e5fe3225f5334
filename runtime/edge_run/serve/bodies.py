"""Bodies of requests, read into memory within bounds: of one body, of all together, and of time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from .refusals import GoneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

MAX_BODY = 64 * 2**20
"""Bytes of one body, by default."""
BODIES = 4
"""All bodies that are in memory may have so many times the bytes of the largest."""
SECONDS = 60.0
"""For a whole body to arrive."""


class Bodies:
    """Reads bodies into memory.

    Parameters
    ----------
    max_body
        Most bytes of one body.
    seconds
        For a whole body to arrive.
    """

    def __init__(self, max_body: int = MAX_BODY, seconds: float = SECONDS) -> None:
        self._max, self._left, self._seconds = max_body, BODIES * max_body, seconds

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[bytes]:
        """Read a body, which counts as in memory until the block ends.

        Raises
        ------
        RefusedError
            408: it arrives too slowly. 413: it is too large. 415: it is compressed, and might become far larger.
            429: too many bytes of other bodies are in memory.
        GoneError
            The client has left.
        """
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(415, "a compressed body is not read", hint="send the file as it is")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max:
            raise self._too_large()
        taken = [0]
        try:
            yield await self._in_time(request, taken)
        finally:
            self._left += taken[0]

    async def _in_time(self, request: Request, taken: list[int]) -> bytes:
        try:
            return await asyncio.wait_for(self._read(request, taken), self._seconds)
        except asyncio.TimeoutError as error:
            raise RefusedError(408, f"the body did not arrive within {self._seconds:g} s") from error
        except ClientDisconnect as error:
            raise GoneError("the client has left") from error

    async def _read(self, request: Request, taken: list[int]) -> bytes:
        parts: list[bytes] = []
        async for part in request.stream():
            taken[0] += len(part)
            self._left -= len(part)
            if taken[0] > self._max:
                raise self._too_large()
            if self._left < 0:
                raise RefusedError(
                    429, "too many scans arrive at once", hint="ask again in 1 s", headers={"Retry-After": "1"}
                )
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> RefusedError:
        most = f"{self._max / 2**20:g} MiB"
        return RefusedError(413, f"the body is larger than {most}", hint="edge-run serve --max-body MIB")
