"""What one client may take: connections, time for a head, time for a body, bytes of all bodies."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from edge_run import Ensemble
from edge_run.serve.bodies import BODIES, Bodies
from edge_run.serve.refusals import GoneError, RefusedError
from edge_run.serve.server import Listen
from serving import served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import Message

    from serving import Served


def connect(server: Served, stack: ExitStack) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return stack.enter_context(socket.create_connection((host, int(port)), timeout=20))


def is_closed(connection: socket.socket) -> bool:
    with suppress(ConnectionError):
        while connection.recv(1000):
            pass
    return True


def test_connection_that_was_idle_longest_makes_room(bundle: Path, png: bytes) -> None:
    with served(bundle, None, listen=Listen(port=0, connections=4, head_s=600)) as server, ExitStack() as stack:
        opened = [connect(server, stack) for _ in range(20)]
        assert server.client.post("/v1/scans", content=png).status_code == 200
        # Those before the last few, and the client's own.
        assert all(is_closed(one) for one in opened[:16])


def test_head_must_arrive_in_time(bundle: Path, png: bytes) -> None:
    with served(bundle, None, listen=Listen(port=0, head_s=0.3)) as server, ExitStack() as stack:
        silent, slow, served_before = (connect(server, stack) for _ in range(3))
        served_before.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert served_before.recv(1000).startswith(b"HTTP/1.1 200")
        # Single bytes do not keep it open.
        with suppress(ConnectionError):
            for _ in range(100):
                slow.sendall(b"G")
                time.sleep(0.05)
        assert is_closed(slow)
        assert is_closed(silent)
        assert is_closed(served_before)
        assert server.client.post("/v1/scans", content=png).status_code == 200


def request(parts: list[bytes], pause: float = 0.0, **headers: str) -> Request:
    left = list(parts)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": encoded}, receive)


def test_body_that_arrives_slowly_is_refused() -> None:
    async def main() -> None:
        bodies = Bodies(100, seconds=0.05)
        with pytest.raises(RefusedError) as refused:
            async with bodies.reading(request([b"x"] * 50, 0.01)):
                pass
        assert refused.value.status == 408

    asyncio.run(main())


def test_all_bodies_together_are_bounded() -> None:
    async def main() -> None:
        bodies = Bodies(10)
        async with AsyncExitStack() as held:
            for _ in range(BODIES):
                await held.enter_async_context(bodies.reading(request([b"x" * 10])))
            with pytest.raises(RefusedError) as refused:
                await held.enter_async_context(bodies.reading(request([b"x"])))
            assert refused.value.status == 429
        async with bodies.reading(request([b"x" * 10])) as data:
            assert data == b"x" * 10

    asyncio.run(main())


def test_client_that_leaves_in_its_body() -> None:
    async def main() -> None:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        with pytest.raises(GoneError):
            async with Bodies(10).reading(Request({"type": "http", "method": "POST", "headers": []}, receive)):
                pass

    asyncio.run(main())


def test_client_that_has_left_before_its_turn_is_not_answered(
    bundle: Path, png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(png)
    go, predict = threading.Event(), Ensemble.predict_prepared

    def held(*arguments: Any, **options: Any) -> Any:
        assert go.wait(20)
        return predict(*arguments, **options)

    with served(bundle, tmp_path / "cases.sqlite") as server, ExitStack() as stack:
        monkeypatch.setattr(Ensemble, "predict_prepared", held)
        slots = server.service.answering.slots
        stay = [connect(server, stack) for _ in range(slots.slots + 1)]
        for connection in stay:
            connection.sendall(head + png)
        until(lambda: slots.waiting == 1)
        leaves = connect(server, stack)
        leaves.sendall(head + png)
        until(lambda: slots.waiting == 2)
        leaves.close()
        # Once the server has heard of it.
        until(lambda: server.client.get("/v2/health/live").status_code == 200)
        go.set()
        assert all(connection.recv(100).startswith(b"HTTP/1.1 200") for connection in stay)
        until(lambda: slots.waiting == slots.working == 0)
        assert len(server.client.get("/v1/cases").json()["cases"]) == len(stay)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
