"""A bundle of toy networks, written in a moment, and the command line as a function."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import cv2
import msgspec
import numpy as np
from onnx import TensorProto, helper, load_from_string, numpy_helper, parser

from edge_run.backends import open_runner
from edge_run.backends.network import Network
from edge_run.bundle.manifest import (
    SCHEMA_VERSION,
    Artefact,
    BundleMember,
    Card,
    Evaluation,
    Figure,
    File,
    FlagThresholds,
    Histogram,
    Manifest,
    Parity,
    Profile,
    Provenance,
    Reference,
    Task,
)
from edge_run.scan.preprocessing import PreprocessSpec, preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pytest
    from numpy.typing import NDArray

NETWORKS = ("resnet18", "googlenet", "resnet50", "resnet101")
PRECISIONS = ("fp32", "int8-cpu")
WIDTH = 8
SCANS = 3


def scan(seed: int = 0, shape: tuple[int, ...] = (90, 70)) -> NDArray[np.uint8]:
    """Smooth noise, ``uint8``."""
    noise = np.random.default_rng(seed).normal(128, 400, shape)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 4), 0, 255).astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode as PNG."""
    return cv2.imencode(".png", pixels)[1].tobytes()


def toy_model(
    seed: int = 0,
    *,
    size: int = 32,
    classes: int = 2,
    bias: float = 0.0,
    scan_name: str = "scan",
    logits_name: str = "logits",
    external: str | None = None,
) -> bytes:
    """``[N, 1, size, size] uint8`` -> Conv, ReLU (features) -> mean -> Gemm (logits), as ONNX.

    Parameters
    ----------
    bias
        Added to every logit; NaN makes a network that is broken.
    scan_name, logits_name
        Other names make one that is no bundle's.
    external
        Path of a file that the convolution's weights are said to lie in.
    """
    rng = np.random.default_rng(seed)
    kernel = numpy_helper.from_array(rng.normal(0, 0.2, (WIDTH, 1, 8, 8)).astype(np.float32), "kernel")
    if external is not None:
        kernel.ClearField("raw_data")
        kernel.data_location = TensorProto.EXTERNAL
        for key, value in {"location": external, "offset": "0", "length": str(WIDTH * 64 * 4)}.items():
            kernel.external_data.add(key=key, value=value)
    weights = [
        kernel,
        numpy_helper.from_array(np.float32(1 / 255), "scale"),
        numpy_helper.from_array(np.array([2, 3], np.int64), "sides"),
        numpy_helper.from_array(head(seed, classes), "head"),
        numpy_helper.from_array(np.full(classes, bias, np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Cast", [scan_name], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["grey", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "kernel"], ["convolved"], strides=[8, 8]),
        helper.make_node("Relu", ["convolved"], ["features"]),
        helper.make_node("ReduceMean", ["features", "sides"], ["pooled"], keepdims=0),
        helper.make_node("Gemm", ["pooled", "head", "bias"], [logits_name], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(scan_name, TensorProto.UINT8, ["batch", 1, size, size])],
        [
            helper.make_tensor_value_info(logits_name, TensorProto.FLOAT, ["batch", classes]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", WIDTH, size // 8, size // 8]),
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString())


def endless_model() -> bytes:
    """The toy network with a loop before its head that goes on for ever, as ONNX."""
    model = load_from_string(toy_model())
    body = parser.parse_graph(
        "body (int64 n, bool go, float[N, 8, 4, 4] x) => (bool more, float[N, 8, 4, 4] y) "
        "{ more = Identity (go) y = Relu (x) }"
    )
    (mean,) = [node for node in model.graph.node if node.op_type == "ReduceMean"]
    mean.input[0] = "looped"
    model.graph.node.insert(4, helper.make_node("Loop", ["trips", "go", "features"], ["looped"], body=body))
    constants = {"trips": np.int64(2**62), "go": np.bool_(True)}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items())
    return bytes(model.SerializeToString())


def head(seed: int, classes: int = 2) -> NDArray[np.float32]:
    """The Gemm's weight, ``[classes, WIDTH] float32``."""
    return np.random.default_rng(1000 + seed).normal(0, 1, (classes, WIDTH)).astype(np.float32)


def npy(array: NDArray[Any]) -> bytes:
    """The bytes of a ``.npy``."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def write_toy_bundle(
    folder: Path,
    *,
    size: int = 32,
    members: int = 4,
    labels: Sequence[str] = ("covid", "non_covid"),
    zip: bool = False,  # noqa: A002
    mutate: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Write a valid bundle of toy networks, at precisions ``fp32`` and ``int8-cpu`` (both the same file).

    Parameters
    ----------
    folder
        To make; its parent exists.
    zip
        Also write ``<folder>.zip``, and return that.
    mutate
        Changes ``bundle.json`` in place, as plain objects, before it is written: a change may be invalid.

    Returns
    -------
    ``folder`` or its zip.
    """
    files: dict[str, bytes] = {}

    def add(path: str, data: bytes) -> File:
        files[path] = data
        return File(path, hashlib.sha256(data).hexdigest(), len(data))

    spec = PreprocessSpec(size=size)
    scans = np.concatenate([preprocess(scan(seed), spec) for seed in range(SCANS)])
    voters = tuple(_member(m, members, len(labels), scans, add) for m in range(members))
    reference = Reference(
        add("reference/scan.png", png(scan(0))),
        add("reference/scans.npy", npy(scans)),
        dict.fromkeys(PRECISIONS, 1e-3),
    )
    manifest = json.loads(msgspec.json.encode(_manifest(folder.name, tuple(labels), spec, voters, reference)))
    if mutate is not None:
        mutate(manifest)
    files["bundle.json"] = json.dumps(manifest).encode()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return zip_folder(folder) if zip else folder


def zip_folder(folder: Path, *, top: str = "") -> Path:
    """Write ``<folder>.zip`` beside the folder, everything below ``top`` in it."""
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, top + file.relative_to(folder).as_posix())
    return path


def replace_file(folder: Path, path: str, data: bytes) -> None:
    """Put other bytes in a file, and their size and hash in the manifest: what an attacker would do."""
    (folder / path).write_bytes(data)

    def seal(value: object) -> None:
        if isinstance(value, dict):
            if value.get("path") == path:
                value.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            value = list(value.values())
        for item in value if isinstance(value, list) else ():
            seal(item)

    manifest = json.loads((folder / "bundle.json").read_bytes())
    seal(manifest)
    (folder / "bundle.json").write_text(json.dumps(manifest))


def _member(
    index: int, members: int, classes: int, scans: NDArray[np.uint8], add: Callable[[str, bytes], File]
) -> BundleMember:
    arch = NETWORKS[index] if index < len(NETWORKS) else f"toy{index}"
    model = toy_model(index, size=scans.shape[-1], classes=classes)
    with open_runner("cpu", Network(model, arch, "fp32", scans.shape[-1]), threads=1) as runner:
        logits = tuple(tuple(map(float, row)) for row in runner.run(scans).logits)
    artefacts = {
        precision: Artefact(add(f"models/{arch}.{precision}.onnx", model), temperature, _parity(), logits, None)
        for precision, temperature in zip(PRECISIONS, (1 + 0.25 * index, 2.0), strict=True)
    }
    weight = 2 * (members - index) / (members * (members + 1))
    return BundleMember(
        arch, arch, weight, artefacts, add(f"models/{arch}.head.npy", npy(head(index, classes))), 1000 * (index + 1)
    )


def _parity() -> Parity:
    return Parity("val", SCANS, 1e-6, 1e-7, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def _manifest(
    name: str,
    labels: tuple[str, ...],
    spec: PreprocessSpec,
    members: tuple[BundleMember, ...],
    reference: Reference,
) -> Manifest:
    figures = {"accuracy": Figure(1.0, 0.9, 1.0), "auroc": Figure(None, None, None)}
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=name,
        task=Task("CT", labels, labels[0], 0.5 if len(labels) == 2 else None),
        preprocess=spec,
        members=members,
        stages=tuple((member.arch,) for member in members),
        flags=dict.fromkeys(PRECISIONS, FlagThresholds("rate=0.1", 0.1, 0.0, 1.0, None)),
        reference=reference,
        parity=dict.fromkeys(PRECISIONS, _parity()),
        evaluation={precision: Evaluation("val", SCANS, figures) for precision in PRECISIONS},
        profile=dict.fromkeys(PRECISIONS, Profile(SCANS, {"score": Histogram((0.0, 0.5, 1.0), (1, 2))}, {}, {})),
        card=Card("Toys.", "Tests only.", ("It knows nothing.",), "CC0-1.0", ("noise",)),
        provenance=Provenance(
            created="2026-01-01T00:00:00+00:00",
            train_command="edge-run train",
            export_command="edge-run export",
            data_fingerprint="0" * 64,
            weights={member.arch: "0" * 64 for member in members},
            calibration=(),
            versions={"edge-run": "0"},
        ),
    )


class Answered(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def edge_run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Answered:
    """Run the command line in this process."""
    from edge_run.cli import main

    capsys.readouterr()
    code = 0
    with patch.object(sys, "argv", ["edge-run", *map(str, arguments)]):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return Answered(code, out, err)
