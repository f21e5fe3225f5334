"""``edge-run export``: run directory -> bundle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run.errors import UsageError
from edge_train.run import Run

from .assemble import Told, assemble
from .card import blank_card, read_card
from .material import gather
from .member import compile_member
from .parity import in_words
from .precisions import RECIPES, chosen
from .writer import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_run.manifest import Manifest


def export(
    run_folder: Path,
    folders: Sequence[Path],
    out: Path,
    *,
    precisions: Sequence[str] = tuple(RECIPES),
    name: str | None = None,
    modality: str = "CT",
    card: Path | None = None,
    calibration_scans: int = 200,
    command: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Compile every member, compare it with its original on the validation scans, and write a bundle.

    Parameters
    ----------
    folders
        The scans that the run was trained on; another data set is refused.
    out
        Folder to make, or a path ending in ``.zip``; there whole or not at all.
    precisions
        Of :data:`edge_export.precisions.RECIPES`.
    name
        Short name; that of ``out`` by default.
    modality
        DICOM's defined term for what the scans are.
    card
        JSON of :class:`edge_run.manifest.Card`.
    calibration_scans
        How many training scans set the INT8 ranges; all where there are fewer.

    Raises
    ------
    UsageError
        ``out`` is taken, a precision is unknown, or the card cannot be read.
    DataError
        The scans are not those of the run.
    BundleError
        The run is damaged.
    GateError, BackendError
        An artefact is not what it should be: see :func:`edge_export.member.compile_member`.
    """
    recipes = chosen(precisions)
    if calibration_scans < 1:
        raise UsageError(f"{calibration_scans} scans calibrate nothing", mend="--calibration-scans 200")
    run = Run(run_folder)
    told = Told(name or _name(out), modality, read_card(card) if card else blank_card(run), command)
    with BundleWriter(out) as writer, tempfile.TemporaryDirectory() as scratch:
        calibrated = any(recipe.calibrated for recipe in recipes.values())
        material = gather(run, folders, calibration_scans=calibration_scans if calibrated else 0)
        compiled = []
        for voter in run.ensemble.members:
            compiled.append(compile_member(run, voter, recipes, material, writer, Path(scratch)))
            for precision, artefact in compiled[-1].entry.artefacts.items():
                say(f"{voter.arch} {precision}: {artefact.file.bytes / 1e6:.1f} MB, {in_words(artefact.parity)}")
        manifest = assemble(run, told, recipes, material, compiled, writer)
        for precision, parity in manifest.parity.items():
            say(f"vote {precision}: {in_words(parity)}")
        writer.finish(manifest)
    return manifest


def _name(out: Path) -> str:
    name = out.resolve().name
    return name.removesuffix(".zip")
