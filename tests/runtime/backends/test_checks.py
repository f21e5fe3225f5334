"""What every backend holds a network to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edge_run import BundleError
from edge_run.backends import BACKENDS, Network, Outputs, open_runner
from edge_run.backends.checks import check_outputs, require_self_contained
from edge_run.backends.tensorrt.build import build
from edge_run.backends.tensorrt.engines import Options
from toy import WIDTH, edge_run, endless_model, png, replace_file, scan, toy_model, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = Network(b"", "toy", "fp32", 32, None, 2, WIDTH)


def spoilt(name: str, values: np.ndarray) -> bytes:
    """The toy network with other weights."""
    model = onnx.load_from_string(toy_model())
    (weights,) = [each for each in model.graph.initializer if each.name == name]
    weights.CopyFrom(onnx.numpy_helper.from_array(values, name))
    return bytes(model.SerializeToString())


def with_context() -> bytes:
    """A network whose only operator names an engine file, as ONNX Runtime's providers write it."""
    model = onnx.load_from_string(toy_model())
    model.graph.node.add(op_type="EPContext", domain="com.microsoft", output=["other"])
    return bytes(model.SerializeToString())


REFUSED = [toy_model(external="/etc/passwd"), with_context(), endless_model(), b"\x18\0\0\0ORTM" + bytes(64)]


@pytest.mark.parametrize("model", REFUSED, ids=["external data", "engine", "loop", "format of ONNX Runtime"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_file_that_refers_to_others_is_refused_before_any_runtime_sees_it(
    monkeypatch: pytest.MonkeyPatch, backend: str, model: bytes
) -> None:
    from edge_run.backends import table

    monkeypatch.setattr(table._runner(backend), "_open", lambda *_: pytest.fail("the runtime has seen it"))
    with pytest.raises(BundleError) as caught:
        open_runner(backend, Network(model, "toy", "fp32", 32), threads=1)
    assert caught.value.exit_code == 4
    assert "do not use this bundle" in caught.value.hint


@pytest.mark.parametrize("model", REFUSED)
def test_builder_of_engines_refuses_it_too(model: bytes) -> None:
    with pytest.raises(BundleError):
        build(Network(model, "toy", "fp32", 32), Options(tf32=False))


def test_sound_file_is_taken() -> None:
    require_self_contained(Network(toy_model(), "toy", "fp32", 32))


LOGITS, FEATURES = np.zeros((3, 2), np.float32), np.zeros((3, WIDTH, 4, 4), np.float32)


@pytest.mark.parametrize(
    ("logits", "features", "words"),
    [
        (LOGITS[:2], FEATURES, r"logits of \[2, 2\] float32, expected \[3, 2\] float32"),
        (LOGITS[:, :1], FEATURES, "logits of"),
        (LOGITS.astype(np.float64), FEATURES, r"logits of \[3, 2\] float64"),
        (LOGITS[:, :, None], FEATURES, "logits of"),
        (LOGITS, FEATURES[:, :4], r"features of \[3, 4, 4, 4\] float32, expected \[3, 8, \?, \?\] float32"),
        (LOGITS, FEATURES[:1], "features of"),
        (LOGITS, FEATURES[..., 0], "features of"),
        (LOGITS, FEATURES[..., :0], "features of"),
        (LOGITS, FEATURES.astype(np.float16), r"features of \[3, 8, 4, 4\] float16"),
        (LOGITS + np.float32(np.inf), FEATURES, "logits that are not finite"),
        (LOGITS, FEATURES + np.float32(np.nan), "features that are not finite"),
    ],
)
def test_outputs_of_another_shape_or_type_are_refused(logits: np.ndarray, features: np.ndarray, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        check_outputs(NETWORK, "cpu", 3, Outputs(logits, features))


def test_sound_outputs_pass_and_unknown_numbers_are_free() -> None:
    check_outputs(NETWORK, "cpu", 3, Outputs(LOGITS, FEATURES))
    check_outputs(
        NETWORK._replace(classes=0, width=0), "cpu", 3, Outputs(np.zeros((3, 5), np.float32), FEATURES[:, :3])
    )


@pytest.mark.parametrize(
    "model",
    [
        spoilt("kernel", np.full((WIDTH, 1, 8, 8), np.inf, np.float32)),
        spoilt("bias", np.full(2, np.nan, np.float32)),
        toy_model(classes=3),
        toy_model(external="weights.bin"),
    ],
    ids=["features", "logits", "labels", "external"],
)
@pytest.mark.parametrize("command", ["predict", "verify"])
def test_bundle_with_such_a_network_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, model: bytes
) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=2)
    for precision in ("fp32", "int8-cpu"):
        replace_file(folder, f"models/googlenet.{precision}.onnx", model)
    (tmp_path / "scan.png").write_bytes(png(scan()))
    arguments = [tmp_path / "scan.png", "--bundle", folder] if command == "predict" else [folder]
    answered = edge_run(capsys, command, *arguments)
    assert (answered.code, answered.out) == (4, "")
    assert "googlenet" in answered.err
