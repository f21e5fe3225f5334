"""A node with a toy bundle, and what it needs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.node.node import Node

QUICK = {"quiet_seconds": 0.3, "released_seconds": 0.1, "radiograph_seconds": 0.1}


@pytest.fixture(scope="session")
def toy_ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """A toy bundle, loaded."""
    from edge_run.ensemble.ensemble import Ensemble
    from toy import write_toy_bundle

    folder = tmp_path_factory.mktemp("toy")
    write_toy_bundle(folder / "bundle")
    with Ensemble.load(folder / "bundle") as ensemble:
        yield ensemble


@pytest.fixture
def run_node(tmp_path: Path, toy_ensemble: Ensemble) -> Iterator[Callable[..., Node]]:
    """Start a node that answers; it accepts TESTER, and sends to the archives that are given."""
    from edge_run.cases import CaseLog
    from edge_run.node.node import Node
    from edge_run.node.settings import Destination, Peer
    from node_peers import Archive, settings

    def start(*archives: Archive, verify: str = "none", **changes: Any) -> Node:
        destinations = tuple(
            Destination(f"archive{n}", ae_title="ARCHIVE", host="127.0.0.1", port=one.port, verify=verify)
            for n, one in enumerate(archives)
        )
        peer = Peer("tester", "TESTER", ("127.0.0.1",), **QUICK)
        given = {"peers": (peer,), "destinations": destinations, "retry_seconds": 0.1, **changes}
        node = Node(settings(tmp_path / "node", **given), toy_ensemble, lambda: CaseLog.open(tmp_path / "cases.sqlite"))
        running.callback(node.close, 0.0)
        return node

    with ExitStack() as running:
        yield start
