"""Peers of a node on loopback, for its tests: DCMTK's programs, pynetdicom, and series of phantoms."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dicoms
from edge_run.node.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom import Dataset
    from pydicom.dataset import FileDataset
    from typing_extensions import Self

pytest.importorskip("pynetdicom")


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a node on a free port of this machine, that waits for nothing longer than a test does."""
    return Settings(**{"port": 0, "folder": str(folder), "min_free_gb": 0.0, **changes})


def dcmtk(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of DCMTK's programs."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install dcmtk")
    words = [program, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def slices(count: int, series: str = "2.25.101", *, size: int = 64, **changes: Any) -> list[FileDataset]:
    """A series of drawn CT slices of nobody."""
    rng = np.random.default_rng(0)
    made = []
    for n in range(1, count + 1):
        elements = {
            "SOPInstanceUID": f"{series}.{n}",
            "SeriesInstanceUID": series,
            "StudyInstanceUID": f"{series}.0",
            "InstanceNumber": n,
            "ImagePositionPatient": [0, 0, n],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1, 1],
            "PatientID": "SECRET-ID",
            "PatientName": "Secret^Name",
            "PatientBirthDate": "19700101",
            "PatientSex": "O",
            "AccessionNumber": "SECRET-7",
            "StudyDate": "20260101",
            "StudyTime": "120000",
            "StudyID": "1",
            "ReferringPhysicianName": "",
            "SeriesNumber": 1,
            "FrameOfReferenceUID": f"{series}.9",
        }
        dataset = dicoms.ct(rng.integers(-1000, 400, (size, size)), **(elements | changes))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        made.append(dataset)
    return made


def write(datasets: Sequence[FileDataset], folder: Path) -> list[Path]:
    """Write files for `storescu`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n}.dcm" for n in range(len(datasets))]
    for path, dataset in zip(paths, datasets, strict=True):
        path.write_bytes(dicoms.encode(dataset))
    return paths


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def store(port: int, datasets: Sequence[Dataset], *, title: str = "TESTER", abort: bool = False) -> list[int]:
    """Send objects over one association, and return the status of each."""
    from pynetdicom import AE

    entity = AE(title)
    for sop_class in {dataset.SOPClassUID for dataset in datasets}:
        entity.add_requested_context(sop_class, [datasets[0].file_meta.TransferSyntaxUID])
    association = entity.associate("127.0.0.1", port, ae_title="EDGE-RUN")
    assert association.is_established
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [association.send_c_store(dataset).get("Status", -1) for dataset in datasets]
    if abort:
        association.abort()
    else:
        association.release()
    return found


class Archive:
    """An archive on loopback that keeps what it gets, and answers as a test wants.

    Attributes
    ----------
    stored
        What it got, by SOP Instance UID, with how often.
    statuses
        What it answers to the next objects; 0x0000 after that.
    """

    def __init__(self, port: int = 0) -> None:
        from pynetdicom import AE, evt

        self.stored: dict[str, tuple[Dataset, int]] = {}
        self.statuses: list[int] = []
        self.requests: list[Dataset] = []
        self.entity = entity = AE("ARCHIVE")
        entity.supported_contexts = _storage_contexts()
        entity.add_supported_context("1.2.840.10008.1.1")
        entity.add_supported_context("1.2.840.10008.1.20.1")
        handlers = [(evt.EVT_C_STORE, self._on_store), (evt.EVT_N_ACTION, self._on_action)]
        self._server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        self.port = self._server.server_address[1]

    def _on_store(self, event: Any) -> int:
        if self.statuses and (status := self.statuses.pop(0)):
            return status
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        uid = str(dataset.SOPInstanceUID)
        self.stored[uid] = (dataset, self.stored.get(uid, (None, 0))[1] + 1)
        return 0

    def _on_action(self, event: Any) -> tuple[int, None]:
        self.requests.append(event.action_information)
        return 0, None

    def of(self, modality: str) -> list[Dataset]:
        """Objects of a modality, ``SR`` or ``OT``."""
        return [dataset for dataset, _ in self.stored.values() if dataset.Modality == modality]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def report_commitment(port: int, request: Dataset, failed: Sequence[str] = ()) -> int:
    """Report to a node on what an archive took responsibility for, on an association of the archive's own."""
    from pydicom.dataset import Dataset
    from pynetdicom import AE, build_role

    commitment = "1.2.840.10008.1.20.1"
    entity = AE("ARCHIVE")
    entity.add_requested_context(commitment)
    role = build_role(commitment, scp_role=True)
    association = entity.associate("127.0.0.1", port, ae_title="EDGE-RUN", ext_neg=[role])
    assert association.is_established
    report = Dataset()
    report.TransactionUID = request.TransactionUID
    items = request.ReferencedSOPSequence
    report.ReferencedSOPSequence = [item for item in items if item.ReferencedSOPInstanceUID not in failed]
    if failed:
        report.FailedSOPSequence = [item for item in items if item.ReferencedSOPInstanceUID in failed]
        for item in report.FailedSOPSequence:
            item.FailureReason = 0x0112
    status, _ = association.send_n_event_report(report, 2 if failed else 1, commitment, f"{commitment}.1")
    association.release()
    return int(status.Status)


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def _storage_contexts() -> list[Any]:
    from pynetdicom import build_context

    from edge_run.node.presentation import SENT

    return [build_context(service.uid) for service in SENT]
