"""From C-STORE to the archive: every series is answered, once, whatever happens."""

from __future__ import annotations

import logging
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from edge_run.node.database import NodeError
from edge_run.node.status import is_stuck, status_of
from node_peers import Archive, report_commitment, slices, store, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.node.node import Node


@pytest.fixture
def archive():
    with Archive() as one:
        yield one


def states(node: Node) -> list[str]:
    return sorted(row["state"] for row in node.database.rows("SELECT state FROM outbox"))


def answers(node: Node) -> list[tuple[int, str]]:
    rows = node.database.rows("SELECT version, outcome FROM answers ORDER BY version")
    return [(row["version"], row["outcome"]) for row in rows]


def test_series_is_answered_with_a_report_and_a_picture(run_node, archive):
    node = run_node(archive)
    sent = slices(4)
    assert store(node.port, sent) == [0, 0, 0, 0]
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    (report,), (picture,) = archive.of("SR"), archive.of("OT")
    for made in (report, picture):
        assert made.StudyInstanceUID == sent[0].StudyInstanceUID
        assert made.PatientID == "SECRET-ID"
        assert made.AccessionNumber == "SECRET-7"
    (row,) = node.database.rows("SELECT case_id FROM answers")
    assert row["case_id"] in report.to_json()
    assert node.counters.total("instances", "stored") == 4


def test_same_series_again_changes_nothing(run_node, archive):
    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    assert store(node.port, slices(3)) == [0, 0, 0]
    assert node.counters.total("instances", "repeated") == 3
    assert node.clock.open == 0
    assert answers(node)[0][0] == 1


def test_late_slices_supersede_the_answer_with_one_that_names_it(run_node, archive):
    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: len(answers(node)) == 1)
    store(node.port, slices(5))
    wait_for(lambda: [version for version, _ in answers(node)] == [1, 2])
    wait_for(lambda: states(node) == ["delivered"] * 4)
    first, second = sorted(archive.of("SR"), key=lambda report: report.InstanceNumber)
    named = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_series_that_cannot_be_read_is_answered_as_failed(run_node, archive):
    node = run_node(archive)
    broken = slices(3)
    for one in broken:
        one.PixelData = one.PixelData[:100]
    assert store(node.port, broken) == [0, 0, 0]
    wait_for(lambda: archive.of("SR"))
    assert [outcome for _, outcome in answers(node)] == ["failed"]


def test_one_unreadable_slice_is_a_flag(run_node, archive):
    node = run_node(archive)
    some = slices(4)
    some[2].PixelData = some[2].PixelData[:100]
    store(node.port, some)
    wait_for(lambda: archive.of("SR"))
    assert answers(node)[0][1] != "failed"
    assert "unreadable-slices" in archive.of("SR")[0].to_json()


def test_own_results_are_refused(run_node, archive):
    node = run_node(archive)
    made = slices(1, Manufacturer="edge-run")
    assert store(node.port, made) == [0x0124]
    assert not node.database.rows("SELECT 1 FROM instances")


def test_contradictions_and_damage_are_refused_object_by_object(run_node):
    node = run_node()
    good, other, nameless = slices(3)
    other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    from pynetdicom import AE

    entity = AE("TESTER")
    entity.add_requested_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
    association = entity.associate("127.0.0.1", node.port, ae_title="EDGE-RUN")
    other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    del nameless.SeriesInstanceUID
    assert association.send_c_store(nameless).Status == 0xC210
    assert association.send_c_store(good).Status == 0
    association.release()
    assert node.counters.total("instances", "unreadable") == 1


def test_under_pressure_nothing_is_acknowledged(run_node, monkeypatch):
    node = run_node()
    monkeypatch.setattr(node.inbox, "keep", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert store(node.port, slices(2)) == [0xA700, 0xA700]
    assert not node.database.rows("SELECT 1 FROM instances")


def test_full_disk_rejects_associations_for_now(run_node):
    from pynetdicom import AE

    node = run_node(min_free_gb=1e9)
    entity = AE("TESTER")
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", node.port, ae_title="EDGE-RUN")
    assert association.is_rejected
    assert association.acceptor.primitive.result == 2
    assert node.counters.total("associations", "pressure") == 1


def test_what_was_received_before_a_stop_is_answered_after_a_start(run_node, archive):
    first = run_node(archive)
    first.clock.ready = list  # type: ignore[method-assign]
    store(first.port, slices(3))
    first.close(0)
    second = run_node(archive)
    wait_for(lambda: states(second) == ["delivered", "delivered"])


def test_files_that_were_never_acknowledged_are_swept_at_a_start(run_node):
    node = run_node()
    stray = node.inbox.folder / "0123456789abcdef" / f"{'0' * 64}.dcm"
    stray.parent.mkdir()
    stray.write_bytes(b"half")
    node.close(0)
    run_node()
    assert not stray.parent.exists()


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_archive_that_is_down_gets_the_answer_when_it_is_back(run_node, archive):
    port = archive.port
    node = run_node(archive)
    archive.close()
    store(node.port, slices(3))
    wait_for(lambda: any(row["attempts"] for row in node.database.rows("SELECT attempts FROM outbox")))
    assert status_of(node.database)["destinations"]["archive0"]["troubles"][0]["status"] == "no connection"
    with Archive(port) as again:
        wait_for(lambda: len(again.stored) == 2)
        wait_for(lambda: states(node) == ["delivered", "delivered"])


def test_transient_status_is_tried_again_and_permanent_is_stuck_until_a_start(run_node, archive):
    archive.statuses = [0xA700, 0, 0xA900]
    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: states(node) == ["delivered", "stuck"])
    status = status_of(node.database)
    assert is_stuck(status)
    assert status["destinations"]["archive0"]["troubles"][0]["status"] == "status A900"
    node.close(0)
    again = run_node(archive)
    wait_for(lambda: states(again) == ["delivered", "delivered"])


def test_delivery_counts_only_after_the_archive_takes_responsibility(run_node, archive):
    node = run_node(archive, verify="commitment")
    store(node.port, slices(3))
    wait_for(lambda: archive.requests)
    assert states(node) == ["sent", "sent"]
    asked = [item.ReferencedSOPInstanceUID for item in archive.requests[0].ReferencedSOPSequence]
    assert report_commitment(node.port, archive.requests[0], failed=asked[:1]) == 0
    # What was not committed is sent and asked for again.
    wait_for(lambda: len(archive.requests) >= 2)
    assert report_commitment(node.port, archive.requests[-1]) == 0
    wait_for(lambda: states(node) == ["delivered", "delivered"])


def test_report_that_nobody_asked_for_is_refused(run_node, archive):
    from pydicom.dataset import Dataset

    node = run_node(archive)
    request = Dataset()
    request.TransactionUID, request.ReferencedSOPSequence = "2.25.1", []
    assert report_commitment(node.port, request) == 0x0110


def test_two_destinations_have_a_row_each(run_node, archive):
    with Archive() as second:
        second.statuses = [0xA700]
        node = run_node(archive, second)
        store(node.port, slices(3))
        wait_for(lambda: states(node) == ["delivered"] * 4)
        assert len(archive.stored) == len(second.stored) == 2


def test_patient_data_are_in_inbox_and_outbox_alone(run_node, archive, tmp_path: Path, caplog):
    caplog.set_level(logging.DEBUG)
    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    node.close(0)
    assert "SECRET" not in caplog.text
    assert "2.25.101" not in caplog.text
    for file in (tmp_path / "node").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600), file
    with sqlite3.connect(tmp_path / "cases.sqlite") as log:
        text = "".join(row[0] for row in log.execute("SELECT entry FROM entries"))
    log.close()
    assert '"kind":"series"' in text
    assert "SECRET" not in text
    assert "2.25.101" not in text


def test_after_delivery_and_the_retention_time_nothing_of_a_patient_is_left(run_node, archive):
    from edge_run.node.retention import remove_old

    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    import time

    parts = (node.settings, node.database, node.inbox, node.outbox)
    assert remove_old(*parts, now=time.time() + 23 * 3600) == (0, 0)
    assert remove_old(*parts, now=time.time() + 25 * 3600) == (1, 0)
    for table in ("series", "instances", "answers", "objects", "outbox"):
        assert node.database.rows(f"SELECT * FROM {table}") == []
    assert list(node.inbox.folder.iterdir()) == list(node.outbox.folder.iterdir()) == []


def test_what_is_not_delivered_is_kept_until_it_expires(run_node, archive):
    import time

    from edge_run.node.retention import remove_old

    archive.statuses = [0xA900, 0xA900]
    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: states(node) == ["stuck", "stuck"])
    parts = (node.settings, node.database, node.inbox, node.outbox)
    assert remove_old(*parts, now=time.time() + 6 * 86400) == (0, 0)
    assert remove_old(*parts, now=time.time() + 8 * 86400) == (0, 1)


def test_two_nodes_never_share_a_folder(run_node):
    run_node()
    with pytest.raises(NodeError, match="another node uses the folder"):
        run_node()


def test_row_without_its_file_is_swept_and_the_sender_may_send_again(run_node):
    node = run_node()
    node.clock.ready = list  # type: ignore[method-assign]
    store(node.port, slices(2))
    first, second = (
        node.inbox.path(row["series"], row["sha256"]) for row in node.database.rows("SELECT * FROM instances")
    )
    first.unlink()
    second.write_bytes(b"cut")
    node.close(0)
    again = run_node()
    assert not again.database.rows("SELECT 1 FROM instances")
    again.clock.ready = list  # type: ignore[method-assign]
    assert store(again.port, slices(2)) == [0, 0]


def test_objects_that_are_accepted_besides_are_discarded_and_say_so(run_node):
    node = run_node(also=("SC",))
    made = slices(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    assert store(node.port, made) == [0xB006]
    assert not node.database.rows("SELECT 1 FROM instances")


def test_object_of_several_frames_is_answered_frame_by_frame(run_node, archive):
    import numpy as np

    import dicoms

    pixels = np.random.default_rng(0).integers(0, 2000, (4, 64, 64)).astype(np.int16)
    enhanced = dicoms.image(
        pixels, SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1", SOPInstanceUID="2.25.77.1", SeriesInstanceUID="2.25.77",
        StudyInstanceUID="2.25.78", RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU", PatientID="SECRET-ID",
    )  # fmt: skip
    enhanced.file_meta.MediaStorageSOPClassUID = enhanced.SOPClassUID
    enhanced.file_meta.MediaStorageSOPInstanceUID = enhanced.SOPInstanceUID
    node = run_node(archive)
    assert store(node.port, [enhanced]) == [0]
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    assert answers(node)[0][1] != "failed"


def test_radiograph_alone_is_a_series(run_node, archive):
    made = slices(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1", Modality="DX")
    node = run_node(archive)
    store(node.port, made)
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    assert answers(node)[0][1] != "failed"


def test_without_a_case_log_series_are_answered_all_the_same(run_node, archive, monkeypatch):
    from edge_run.cases import CaseLog

    monkeypatch.setattr(CaseLog, "open", lambda *_: (_ for _ in ()).throw(OSError("no log")))
    node = run_node(archive)
    store(node.port, slices(3))
    wait_for(lambda: states(node) == ["delivered", "delivered"])


def test_whatever_goes_wrong_with_the_networks_is_a_failed_answer_without_its_words(
    run_node, archive, toy_ensemble, monkeypatch, caplog
):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("SECRET-ID")

    monkeypatch.setattr(toy_ensemble, "predict_many", fail)
    node = run_node(archive)
    store(node.port, slices(2))
    wait_for(lambda: archive.of("SR"))
    assert [outcome for _, outcome in answers(node)] == ["failed"]
    assert "SECRET" not in caplog.text
    assert "unexpected RuntimeError" in archive.of("SR")[0].to_json()


def test_answer_that_cannot_be_kept_is_made_again_later(run_node, archive, monkeypatch):
    from edge_run.node import node as running
    from edge_run.node.settings import Peer

    monkeypatch.setattr(running, "_LATER", Peer("later", "", (), quiet_seconds=0.2))
    node = run_node(archive)
    keep, tried = node.outbox.add, []

    def fail_once(*given: object) -> None:
        tried.append(given)
        if len(tried) == 1:
            raise OSError(28, "No space left on device")
        keep(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(node.outbox, "add", fail_once)
    store(node.port, slices(2))
    wait_for(lambda: states(node) == ["delivered", "delivered"])
    assert len(tried) == 2
    assert node.counters.total("series", "postponed") == 1
