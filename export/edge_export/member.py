"""Compile one member at each precision and hold every artefact against the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.backends import open_runner
from edge_run.machine import allowed_cores
from edge_run.manifest import Artefact, BundleMember
from edge_run.runner import Network
from edge_run.vote import softmax
from edge_train.calibrate import fit_temperature
from edge_train.infer import infer

from .graph import check
from .macs import multiply_adds
from .parity import compare
from .to_onnx import to_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_run.runner import Runner
    from edge_train.run import Run, Voter

    from .material import Material
    from .precisions import Recipe
    from .writer import BundleWriter

BATCH = 8


class Answers(NamedTuple):
    """What a network says on the validation scans: logits, and probabilities at its temperature, ``[N, classes]``."""

    logits: NDArray[np.float32]
    temperature: float
    probabilities: NDArray[np.float64]


class Compiled(NamedTuple):
    """One member: its manifest entry, and what the original and each artefact answer to the validation scans."""

    entry: BundleMember
    original: Answers
    artefacts: dict[str, Answers]


def compile_member(
    run: Run, voter: Voter, recipes: Mapping[str, Recipe], material: Material, writer: BundleWriter, scratch: Path
) -> Compiled:
    """Put one member's files into the bundle.

    Raises
    ------
    GateError
        A graph is not the one that the bundle promises.
    BackendError
        An artefact cannot be run, or answers with numbers that are not finite.
    """
    arch, size = voter.arch, run.record.config.preprocess.size
    member = run.member(arch)
    original = _answers(infer(member, material.validation.pixels), voter.temperature)
    fp32 = scratch / f"{arch}.onnx"
    to_onnx(member, fp32, size)
    entries, answers = {}, {}
    for precision, recipe in recipes.items():
        path = scratch / f"{arch}.{precision}.onnx"
        recipe.make(fp32, path, material.calibration)
        check(path)
        entries[precision], answers[precision] = judge(path, size, original, material, writer)
    head = writer.add_array(f"models/{arch}.head.npy", member.head.weight.detach().numpy())
    entry = BundleMember(arch, voter.weight, entries, head, multiply_adds(fp32))
    return Compiled(entry, original, answers)


def judge(
    path: Path, size: int, original: Answers, material: Material, writer: BundleWriter
) -> tuple[Artefact, Answers]:
    """Run an artefact, fit its temperature, compare it with the original, and put it into the bundle."""
    model = path.read_bytes()
    network = Network(model, path.stem, path.stem.rpartition(".")[2], size)
    with open_runner("cpu", network, threads=allowed_cores()) as runner:
        logits = _run(runner, material.validation.pixels[:, None])
        reference = _run(runner, material.reference)
    found = _answers(logits, fit_temperature(logits, material.validation.targets))
    parity = compare(
        found.probabilities,
        original.probabilities,
        material.validation,
        logit_difference=float(np.abs(logits - original.logits).max()),
    )
    file = writer.add(f"models/{path.name}", model)
    return Artefact(file, found.temperature, parity, tuple(tuple(map(float, row)) for row in reference)), found


def _answers(logits: NDArray[np.float32], temperature: float) -> Answers:
    return Answers(logits, temperature, softmax(logits, temperature))


def _run(runner: Runner, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits ``[N, classes]`` of ``[N, 1, H, W] uint8``, a few scans at a time."""
    return np.concatenate([runner.run(batch[s : s + BATCH]).logits for s in range(0, len(batch), BATCH)])
