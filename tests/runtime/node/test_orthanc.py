"""The node beside a real archive: delivery counts once Orthanc has taken responsibility, or shows the object."""

from __future__ import annotations

from edge_run.node.settings import Destination
from node_peers import free_port, slices, store, wait_for
from orthanc import Orthanc


def test_orthanc_takes_responsibility_by_dicom_and_shows_what_came_by_the_web(run_node, tmp_path):
    with Orthanc(tmp_path / "orthanc") as orthanc:
        port = free_port()
        orthanc.rest("PUT", "/modalities/edge-run", {"AET": "EDGE-RUN", "Host": "127.0.0.1", "Port": port})
        destinations = (
            Destination("dicom", ae_title="ORTHANC", host="127.0.0.1", port=orthanc.port, verify="commitment"),
            Destination("web", url=orthanc.web, verify="qido"),
        )
        node = run_node(port=port, destinations=destinations)
        store(node.port, slices(3))
        wait_for(lambda: [row["state"] for row in node.database.rows("SELECT * FROM outbox")] == ["delivered"] * 4, 60)
        told = {(row["destination"], row["status"]) for row in node.database.rows("SELECT * FROM outbox")}
        assert told == {("dicom", "committed by the archive"), ("web", "found in the archive")}
        # The same two objects, each stored once.
        assert len(orthanc.rest("GET", "/instances")) == 2
