"""The objects that answer a drawn series: their size, the time they take, what validators say, and how they look.

    python -m benchmarks.node.objects [FOLDER]

Answers a series of 300 slices of noise with ``ct-covid`` and makes all five objects of it. With FOLDER, the picture of
a drawn series and its report, as DCMTK's dsr2html and chromium show it, are written there as PNG.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.node.series import write_long_series
from edge_run.cases import CaseLog
from edge_run.ensemble.ensemble import Ensemble
from edge_run.ensemble.series import summarise
from edge_run.heatmap import write_picture
from edge_run.node.deciding import deciding_slices
from edge_run.node.recording import Recorder
from edge_run.node.results import ResultOptions, SeriesAnswer, finding_of, result_objects
from samples.dicom_series import write_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

ALL = ResultOptions(image_library=True, key_objects=True, presentation_state=True, parametric_map=True)
LONG, SHORT = 300, 12


def answer(ensemble: Ensemble, paths: Sequence[Path]) -> SeriesAnswer:
    """Answer a series as the node does."""
    task = ensemble.manifest.task
    answered = [one.prediction for one in ensemble.predict_many(paths) if one.prediction is not None]
    summary = summarise([one.decision for one in answered], task)
    doubtful = sum(bool(answered[n].flags) for n in summary.deciding)
    return SeriesAnswer(
        finding=finding_of(summary, task.positive, doubtful),
        positive=task.positive,
        label=summary.label,
        probability=summary.probabilities[task.positive],
        flags=summary.flags,
        deciding=deciding_slices(ensemble, [(paths[n], answered[n], None) for n in summary.deciding]),
        slices=len(answered),
        decided=len(summary.deciding),
    )


def make(
    ensemble: Ensemble, paths: Sequence[Path], folder: Path, options: ResultOptions
) -> tuple[list[Dataset], float]:
    """Answer, log and make objects; return them and the processor time that making them took, seconds."""
    said = answer(ensemble, paths)
    with CaseLog.open(folder / "cases.sqlite") as log:
        proof = Recorder(ensemble, log).record(said, [path.name for path in paths])
    begin = time.process_time()
    return result_objects(paths, said, proof, None, options), time.process_time() - begin


def validated(path: Path) -> str:
    """Count what dciodvfy calls an error."""
    if not shutil.which("dciodvfy"):
        return "not installed"
    said = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False)
    return str(sum(line.startswith("Error") for line in (said.stdout + said.stderr).splitlines()))


def measure(ensemble: Ensemble, folder: Path) -> None:
    """Print a line for each object of a long series."""
    paths = write_long_series(folder / "long", LONG, seed=1, size=256)
    objects, seconds = make(ensemble, paths, folder, ALL)
    print(f"{LONG} slices, {len(objects)} objects in {seconds:.1f} s of processor time\n")
    print("| object | KB | errors of dciodvfy |\n|---|---|---|")
    for one in objects:
        path = folder / "one.dcm"
        one.save_as(path, enforce_file_format=True)
        print(f"| {one.SOPClassUID.name} | {path.stat().st_size / 1000:.0f} | {validated(path)} |")


def pictures(ensemble: Ensemble, folder: Path, out: Path) -> None:
    """Write what a radiologist sees of a short series."""
    objects, _ = make(ensemble, write_series(folder / "short", SHORT), folder, ResultOptions())
    report, picture = objects[:2]
    write_picture(out / "node-heatmap.png", picture.pixel_array[:, :, ::-1].copy())
    (out / "node-heatmap.png").chmod(0o644)
    report.save_as(folder / "report.dcm", enforce_file_format=True)
    page = folder / "report.html"
    subprocess.run(["dsr2html", str(folder / "report.dcm"), str(page)], check=True)
    shot = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,1450"]
    target = f"--screenshot={(out / 'node-report.png').resolve()}"
    subprocess.run([*shot, target, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, Ensemble.load() as loaded:
        if len(sys.argv) > 1:
            pictures(loaded, Path(made), Path(sys.argv[1]))
        else:
            measure(loaded, Path(made))
