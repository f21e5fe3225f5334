"""Ways of serving a bundle by Triton: ensemble, merged graph, and certified early exit by business logic scripting.

    python -m benchmarks.latency.triton [BUNDLE] [DATA...] [--scans 24] [--rounds 4] [--clients 1,4]

Needs the environment that ``.ci/run`` makes, and tritonclient. The ways take turns, round by round. Beside scans a
second stands the time of all cores in the server, which says the same on a machine that does other things as well.
Networks run in Python's backend in all three ways (see `.models`): what is compared is how they are put together. The
scans are those of DATA's validation split, since early exit depends on how hard scans are; else phantoms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_export.triton import write_repository
from edge_run import Bundle, Ensemble, preprocess, read
from edge_run.doctor import examine

from .server import missing, patiently, serving, with_shim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAMPLES = Path(__file__).parents[3] / "samples"
ENSEMBLE, MERGED, EXIT = "ensemble", "merged", "ensemble-early-exit"


def main(args: argparse.Namespace) -> None:
    """Serve the bundle in all ways, time them in turn and print a table."""
    if missing():
        raise SystemExit(missing())
    bundle, figures = Bundle(args.bundle), dict[tuple[str, int], list[tuple[float, float]]]()
    scans = _scans(bundle, args.data, args.scans)
    with tempfile.TemporaryDirectory() as scratch:
        models = _models(bundle, Path(scratch))
        with serving(models, Path(scratch)) as server:
            for _ in range(args.rounds):
                for clients in args.clients:
                    for way in (ENSEMBLE, MERGED, EXIT):
                        begin, busy = time.perf_counter(), _busy(server.pid)
                        _ask(server.address, way, scans, clients)
                        taken = (time.perf_counter() - begin) / len(scans), (_busy(server.pid) - busy) / len(scans)
                        figures.setdefault((way, clients), []).append(taken)
    machine = examine()
    print(f"{machine.cpu}, {machine.cores} cores; {bundle.manifest.name}; {args.rounds} rounds of {len(scans)} scans")
    print(f"early exit: {_members_asked(bundle, scans):.2f} of {len(bundle.members)} members answer a scan")
    print(f"{'way':<20} {'clients':>7} {'scans/s':>8} {'most':>8} {'cores, ms a scan':>17} {'least':>8}")
    for (way, clients), rounds in sorted(figures.items(), key=lambda one: (one[0][1], one[0][0])):
        walls, cores = [wall for wall, _ in rounds], [core for _, core in rounds]
        numbers = 1 / statistics.median(walls), 1 / min(walls), statistics.median(cores) * 1e3, min(cores) * 1e3
        print("{:<20} {:7} {:8.1f} {:8.1f} {:17.1f} {:8.1f}".format(way, clients, *numbers))


def _models(bundle: Bundle, scratch: Path) -> Path:
    """Write one repository with all three ways."""
    models = scratch / "models"
    for way in (ENSEMBLE, MERGED):
        write_repository(
            bundle, scratch / way, name=way, merged=way == MERGED, early_exit=way == ENSEMBLE, timeout_s=600
        )
        with_shim(scratch / way, models)
    return models


def _ask(address: str, model: str, scans: Sequence[NDArray[np.uint8]], clients: int) -> None:
    """Send every scan once, by so many clients that each wait for their answer."""
    import tritonclient.http as triton

    def send(share: Sequence[NDArray[np.uint8]]) -> None:
        with triton.InferenceServerClient(address) as client:
            for scan in share:
                tensor = triton.InferInput("scan", scan.shape, "UINT8")
                tensor.set_data_from_numpy(scan)
                patiently(client.infer)(model, [tensor], outputs=[triton.InferRequestedOutput("probabilities")])

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, [scans[n::clients] for n in range(clients)]))


def _busy(pid: int) -> float:
    """Seconds that all cores spent on a process and its children."""
    ticks = 0
    children = {pid}
    for _ in range(3):
        children |= {one for one, parent in _parents().items() if parent in children}
    for one in children:
        fields = _status(one)
        ticks += int(fields[11]) + int(fields[12]) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _parents() -> dict[int, int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return {pid: int(fields[1]) for pid in pids if (fields := _status(pid))}


def _status(pid: int) -> list[str]:
    """Fields of proc(5)'s ``stat`` after the name, which may hold blanks; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _scans(bundle: Bundle, folders: Sequence[Path], count: int) -> list[NDArray[np.uint8]]:
    spec = bundle.manifest.preprocess
    if folders:
        from edge_train.data.dataset import read_folders

        paths = [one.path for one in read_folders(folders, labels=bundle.labels).of("val").samples]
        paths = [paths[n] for n in np.linspace(0, len(paths) - 1, count).astype(int)]
    else:
        samples = sorted(SAMPLES.glob("*.png"))
        paths = [samples[n % len(samples)] for n in range(count)]
    return [preprocess(read(path).pixels, spec) for path in paths]


def _members_asked(bundle: Bundle, scans: Sequence[NDArray[np.uint8]]) -> float:
    with Ensemble.load(bundle.path, precision="int8-cpu", backend="cpu", early_exit=True) as ensemble:
        return statistics.mean(len(one.decision.members) for one in ensemble.vote(np.concatenate(scans)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default="ct-covid")
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--scans", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--clients", type=lambda text: [int(one) for one in text.split(",")], default=[1, 4])
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
