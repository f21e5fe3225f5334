"""A case log with flagged cases of toy networks, and the page that shows it."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, contextmanager
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import httpx
import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from edge_run import Ensemble
from edge_run.cases import CaseLog
from edge_run.serve.page import Review, routes
from edge_run.voting.prediction import Flag
from toy import png, scan, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FLAGS = (
    Flag("members-disagree", "resnet18 and googlenet answer differently (0.30 bits apart, accepted up to 0.19)"),
    Flag("low-confidence", "the vote is 53% sure, less than the 56% that is asked for"),
)


class Answered(NamedTuple):
    """A case log, who answers, and the ids of its cases, the oldest first."""

    path: Path
    ensemble: Ensemble
    ids: list[str]


@pytest.fixture(scope="session")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """Toy networks."""
    with Ensemble.load(write_toy_bundle(tmp_path_factory.mktemp("page") / "toy")) as loaded:
        yield loaded


@pytest.fixture
def answered(ensemble: Ensemble, tmp_path: Path) -> Answered:
    """Four cases: flagged, not flagged, flagged after an early exit, flagged without its scan."""
    path, ids = tmp_path / "cases.sqlite", []
    for number in range(4):
        data = png(scan(number))
        prediction = ensemble.predict(data)
        decision = msgspec.structs.replace(prediction.decision, flags=() if number == 1 else FLAGS)
        if number == 2:
            decision = msgspec.structs.replace(decision, interval=(0.681, 0.972), members=decision.members[:2])
        with CaseLog.open(path, keep_images=number != 3) as log:
            ids.append(log.append(msgspec.structs.replace(prediction, decision=decision), data))
    return Answered(path, ensemble, ids)


@pytest.fixture
def review(answered: Answered) -> Iterator[Callable[..., Review]]:
    """Make the page's model; keywords change it."""
    made: list[Review] = []

    async def maps(given, *, early_exit):
        assert not early_exit or given.sha256
        return (await run_in_threadpool(answered.ensemble.heatmap, given)).maps

    def make(**changes) -> Review:
        settings = {
            "log": answered.path,
            "bundle": answered.ensemble.bundle,
            "maps": maps,
            "keep_images": True,
        } | changes
        made.append(Review(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def served(review: Callable[..., Review]) -> Iterator[Callable[..., str]]:
    """Serve the page on a free port, and return its address; keywords are those of the page's model."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(serving(Starlette(routes=routes(review(**changes)))))


@pytest.fixture
def client(served: Callable[..., str]) -> Iterator[Callable[..., httpx.Client]]:
    """Make a browser without JavaScript, which follows no redirection; keywords are those of the page's model."""
    with ExitStack() as stack:

        def make(**changes) -> httpx.Client:
            address = served(**changes)
            browser = httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False)
            return stack.enter_context(browser)

        yield make


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1, from a thread, and give out its address."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
