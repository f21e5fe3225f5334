"""Kill -9 a node again and again while a series is being sent, and look what became of what it acknowledged."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pynetdicom import AE, build_context, evt

from edge_run.node.presentation import SENT

from .process import NodeProcess, acknowledged, free_port, start_sending
from .series import write_long_series

if TYPE_CHECKING:
    from pydicom import Dataset

_RESENT = 4
"""Three of four senders try again; the fourth does not, and what arrived of its series is to be answered, too."""
_WAIT_S = 600.0


@dataclass
class Tally:
    """What was counted."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    cut: int = 0
    resent: int = 0
    delays: list[float] = field(default_factory=list)


class Archive:
    """Keeps every report that arrives, with the hash of its bytes."""

    def __init__(self) -> None:
        self.reports: dict[str, list[Dataset]] = {}
        self.differing: set[str] = set()
        self._hashes: dict[str, str] = {}
        entity = AE("ARCHIVE")
        entity.supported_contexts = [build_context(service.uid) for service in SENT]
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._keep)])
        self.port = int(self._server.server_address[1])  # type: ignore[union-attr]

    def _keep(self, event: Any) -> int:  # noqa: ANN401 - pynetdicom's
        dataset = event.dataset
        uid = str(dataset.SOPInstanceUID)
        digest = hashlib.sha256(event.encoded_dataset(include_meta=False)).hexdigest()
        if self._hashes.setdefault(uid, digest) != digest:
            self.differing.add(uid)
        elif dataset.Modality == "SR":
            series = dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].SeriesInstanceUID
            kept = self.reports.setdefault(str(series), [])
            if uid not in {str(one.SOPInstanceUID) for one in kept}:
                kept.append(dataset)
        return 0x0000

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()  # type: ignore[union-attr]


def crash(kills: int, slices: int, size: int, bundle: str, settle: float = 15.0) -> bool:
    """Kill, restart, resend, and count; True where nothing was lost, unanswered or answered differently.

    Parameters
    ----------
    settle
        Seconds in which something may still arrive after the last answer.
    """
    rng, tally, archive = random.Random(0), Tally(), Archive()
    with tempfile.TemporaryDirectory(prefix="edge-run-crash-") as name:
        folder, port = Path(name) / "node", free_port()
        options = ("--bundle", bundle, "--send-to", f"archive=ARCHIVE@127.0.0.1:{archive.port}")
        node = NodeProcess(folder, port, *options)
        received: dict[str, set[str]] = {}
        for number in range(kills):
            files = write_long_series(Path(name) / f"series{number}", slices, seed=number, size=size)
            node = _one(node, files, rng, tally, received, resend=number % _RESENT != _RESENT - 1, options=options)
            _say(f"kill {number + 1} of {kills}: {tally.acknowledged} acknowledged, {tally.lost} lost")
            for file in files:
                file.unlink()
        unanswered = _wait_for_answers(set(received), archive)
        # A last answer may still be on its way.
        time.sleep(settle)
        node.stop()
        log = Path(name) / "cases.sqlite"
        entries = _entries(log)
    archive.close()
    return _report(tally, archive, len(received), unanswered, entries, slices, size)


def _one(
    node: NodeProcess,
    files: list[Path],
    rng: random.Random,
    tally: Tally,
    received: dict[str, set[str]],
    *,
    resend: bool,
    options: tuple[str, ...],
) -> NodeProcess:
    """Send a series, kill the node within, look what is there after a restart, and send again as a sender would."""
    sending = start_sending(node.port, files)
    delay = rng.uniform(0.2, max(0.4, len(files) / 60))
    time.sleep(delay)
    node.kill()
    output, _ = sending.communicate(timeout=120)
    told = acknowledged(output)
    tally.kills += 1
    tally.delays.append(delay)
    tally.acknowledged += len(told)
    tally.cut += len(told) < len(files)
    tally.lost += sum(not _is_kept(node.folder, file) for file in told)
    again = NodeProcess(node.folder, node.port, *options)
    if resend:
        output, _ = start_sending(node.port, files).communicate(timeout=600)
        told = acknowledged(output)
        tally.resent += 1
        tally.acknowledged += len(told)
        tally.lost += sum(not _is_kept(node.folder, file) for file in told)
    if told:
        series = str(dcmread(files[0], specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)
        received.setdefault(series, set()).update(file.name for file in told)
    return again


def _is_kept(folder: Path, file: Path) -> bool:
    """Whether the inbox has a file's instance, in the database and whole on the disk."""
    uid = str(dcmread(file, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
    with sqlite3.connect(f"file:{folder / 'node.sqlite'}?mode=ro", uri=True) as database:
        row = database.execute("SELECT series, sha256 FROM instances WHERE sop_uid = ?", (uid,)).fetchone()
    database.close()
    if row is None:
        return False
    kept = folder / "inbox" / row[0] / f"{row[1]}.dcm"
    return bool(kept.exists() and hashlib.sha256(kept.read_bytes()).hexdigest() == row[1])


def _wait_for_answers(series: set[str], archive: Archive) -> int:
    until = time.monotonic() + _WAIT_S
    while series - archive.reports.keys() and time.monotonic() < until:
        time.sleep(0.5)
    return len(series - archive.reports.keys())


def _entries(log: Path) -> int:
    with sqlite3.connect(log) as database:
        count = database.execute("SELECT count(*) FROM entries").fetchone()[0]
    database.close()
    return int(count)


def _report(tally: Tally, archive: Archive, series: int, unanswered: int, entries: int, slices: int, size: int) -> bool:
    versions = [report for reports in archive.reports.values() for report in reports]
    newest = sum(len(reports) for reports in archive.reports.values()) - len(archive.reports)
    print(f"{tally.kills} kills -9 while storescu sent series of {slices} slices of {size}x{size}")
    print(f"  cut short by the kill           {tally.cut}")
    print(f"  sent again by the sender        {tally.resent}")
    print(f"  slices acknowledged             {tally.acknowledged}")
    print(f"  acknowledged and lost           {tally.lost}")
    print(f"  series with an acknowledgement  {series}")
    print(f"  series unanswered               {unanswered}")
    print(f"  reports delivered               {len(versions)}, of them superseding {newest}")
    print(f"  objects with two contents       {len(archive.differing)}")
    print(f"  entries of the case log         {entries}")
    return not (tally.lost or unanswered or archive.differing)


def _say(text: str) -> None:
    import sys

    print(text, file=sys.stderr, flush=True)
