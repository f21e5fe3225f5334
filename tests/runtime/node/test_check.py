"""A connection is checked step by step, and the mistake is named."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from edge_run.node.check.incoming import wait_for_call
from edge_run.node.check.outgoing import check_destination
from edge_run.node.settings import Destination, Peer
from node_peers import Archive, dcmtk, free_port, settings

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.node.check import Step


@pytest.fixture
def archive():
    with Archive() as one:
        yield one


def steps(tmp_path: Path, archive: Archive, *, store: bool = False, **changes: object) -> dict[str, Step]:
    given = {"ae_title": "ARCHIVE", "host": "127.0.0.1", "port": archive.port, **changes}
    destination = Destination("pacs", **given)  # type: ignore[arg-type]
    return {step.what: step for step in check_destination(settings(tmp_path), destination, store=store)}


def test_sound_connection_is_ok_throughout(tmp_path: Path, archive):
    found = steps(tmp_path, archive, store=True)
    assert {step.state.name for step in found.values()} == {"OK"}
    assert list(found) == ["connection", "association", "echo", "objects", "commitment", "store"]
    ((stored, _),) = archive.stored.values()
    assert stored.PatientID == "EDGE-RUN-CHECK"


def test_nothing_is_stored_unasked(tmp_path: Path, archive):
    assert steps(tmp_path, archive)["store"].state.name == "SKIPPED"
    assert not archive.stored


def test_wrong_port_is_named(tmp_path: Path, archive):
    found = steps(tmp_path, archive, port=free_port())
    assert list(found) == ["connection"]
    assert "correct port" in found["connection"].here


def test_wrong_title_is_named_from_both_sides(tmp_path: Path, archive):
    archive.entity.require_called_aet = True
    found = steps(tmp_path, archive, ae_title="PACS")["association"]
    assert found.found == "the peer is not called PACS"
    assert "ae_title of the destination" in found.here
    assert "which AE title does it have" in found.there


def test_node_that_the_peer_does_not_know_is_named(tmp_path: Path, archive):
    archive.entity.require_calling_aet = ["SOMEBODY"]
    found = steps(tmp_path, archive)["association"]
    assert found.found == "the peer does not know EDGE-RUN at this address"
    assert found.there.startswith("add EDGE-RUN with this machine's address")


def test_peer_without_tls_is_named(tmp_path: Path, archive):
    from edge_run.node.settings import Tls

    assert steps(tmp_path, archive, tls=Tls())["TLS"].state.name == "FAILED"


def test_call_of_a_peer_is_compared_with_the_configuration(tmp_path: Path):
    given = settings(tmp_path, port=free_port())
    peer = Peer("ct", "SCANNER", ("127.0.0.1",))
    calls = [("OTHER", "EDGE-RUN"), ("SCANNER", "WRONG"), ("SCANNER", "EDGE-RUN")]

    def call() -> None:
        for calling, called in calls:
            for _ in range(50):
                if dcmtk("echoscu", "-aet", calling, "-aec", called, "127.0.0.1", given.port).returncode == 0:
                    break

    caller = threading.Thread(target=call)
    caller.start()
    found = list(wait_for_call(given, peer, 30))
    caller.join()
    assert [step.state.name for step in found][-2:] == ["OK", "OK"]
    told = " ".join(step.here for step in found)
    assert "correct ae_title of ct" in told
    assert "we are 'EDGE-RUN'" in told


def test_peer_that_does_not_call_is_told(tmp_path: Path):
    (step,) = wait_for_call(settings(tmp_path, port=free_port()), Peer("ct", "SCANNER", ("127.0.0.1",)), 0.2)
    assert step.state.name == "FAILED"
    assert "it must call EDGE-RUN" in step.there
