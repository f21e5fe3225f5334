"""What an export refuses, and that it leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import onnx
import pytest

from edge_export import export
from edge_export.gate.precisions import RECIPES
from edge_run.errors import BundleError, DataError, GateError, UsageError

CARD = {"summary": "", "intended_use": "", "limits": [], "licence": "", "training_data": []}


@pytest.fixture
def no_work(monkeypatch):
    """Fail where anything is read: a mistake in the request shows at once, not after minutes."""

    def read(*_arguments, **_options):
        raise AssertionError("scans were read")

    monkeypatch.setattr(sys.modules["edge_export.export_run"], "read_export_scans", read)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"precisions": ("fp32", "int4")}, "precision 'int4' is unknown", "choose from fp32, fp16, int8-cpu"),
        ({"precisions": ()}, "no precision is given", "choose from fp32, fp16, int8-cpu"),
        ({"calibration_scans": 0}, "0 scans calibrate nothing", "--calibration-scans"),
        ({"calibration": "guess"}, "calibration 'guess' is unknown", "choose from minmax, percentile, entropy, best"),
        ({"tolerances": {"beauty": 1.0}}, "tolerances .'beauty': 1.0. are not understood", "--tolerance accuracy"),
        ({"tolerances": {"flips": -1.0}}, "are not understood", "a number from 0 up"),
        ({"tolerances": {"flips": float("nan")}}, "are not understood", "a number from 0 up"),
    ],
)
def test_request_without_sense_is_refused(options, message, hint, exported, tmp_path):
    with pytest.raises(UsageError, match=message) as caught:
        export(exported.run.folder, [exported.data], tmp_path / "out", **options)
    assert hint in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    "text",
    [None, b"{", b"\xff", b"[]", json.dumps(CARD | {"owner": ""}), json.dumps({"summary": ""})],
    ids=["missing", "cut", "no text", "no object", "field too many", "field missing"],
)
def test_card_that_cannot_be_read_is_refused(text, exported, tmp_path):
    card = tmp_path / "card.json"
    if text is not None:
        card.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=r"card .* cannot be read") as caught:
        export(exported.run.folder, [exported.data], tmp_path / "out", card=card)
    assert "intended_use" in caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("name", ["file", "folder", "file.zip", "empty.zip"])
def test_place_that_is_taken_is_refused_and_left_alone(name, exported, tmp_path):
    out = tmp_path / name
    if name == "folder":
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    elif name == "empty.zip":
        out.mkdir()
    else:
        out.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        export(exported.run.folder, [exported.data], out)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert [p.name for p in out.glob("*")] == (["thesis.txt"] if name == "folder" else [])


@pytest.mark.usefixtures("no_work")
def test_folder_that_is_no_run_is_refused(exported, tmp_path):
    with pytest.raises(BundleError, match="is not a run"):
        export(tmp_path, [exported.data], tmp_path / "out")


@pytest.mark.parametrize("change", ["pixels", "split", "scan"])
def test_other_scans_are_refused(change, exported, tmp_path):
    data = shutil.copytree(exported.data, tmp_path / "data" / exported.data.name)
    table = data / "splits.csv"
    if change == "pixels":
        shutil.copyfile(data / "covid" / "val-0.png", data / "covid" / "train-0.png")
    elif change == "split":
        table.write_text(table.read_text().replace("train,covid-train-0", "val,covid-train-0"))
    else:
        table.write_text(
            "".join(r for r in table.read_text().splitlines(keepends=True) if not r.startswith("covid/train-0."))
        )
    with pytest.raises(DataError, match="not the ones that the run was trained on") as caught:
        export(exported.run.folder, [data], tmp_path / "new" / "out")
    assert "the same folders" in caught.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def poison(fp32, out, ranges, float_layers):  # noqa: ARG001 - a Recipe's signature
    model = onnx.load(fp32)
    bias = next(i for i in model.graph.initializer if i.name.endswith("fc.bias"))
    bias.raw_data = np.full(2, np.nan, np.float32).tobytes()
    onnx.save(model, out)


def turn_around(fp32, out, ranges, float_layers):  # noqa: ARG001 - a Recipe's signature
    model = onnx.load(fp32)
    outputs = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend(reversed(outputs))
    onnx.save(model, out)


def interrupt(fp32, out, ranges, float_layers):  # noqa: ARG001 - a Recipe's signature
    raise KeyboardInterrupt


@pytest.mark.usefixtures("compiled_before")
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (poison, GateError, "resnet18 int8-cpu: not_finite 8 .accepted: 0."),
        (turn_around, GateError, r"resnet18\.int8-cpu\.onnx is not the graph"),
        (interrupt, KeyboardInterrupt, None),
    ],
    ids=["not finite", "another graph", "interrupted"],
)
def test_failure_in_the_middle_leaves_nothing(make, error, message, exported, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "int8-cpu", RECIPES["int8-cpu"]._replace(build=make, calibrated=False))
    with pytest.raises(error, match=message):
        export(exported.run.folder, [exported.data], tmp_path / "new" / "out", precisions=("fp32", "int8-cpu"))
    assert not list(tmp_path.iterdir())


def test_int8_that_gains_nothing_is_refused_with_two_ways_out(exported):
    import msgspec

    from edge_export.export_run import _refuse_no_gain

    _refuse_no_gain(exported.report)
    built = exported.report.members["resnet18"]["int8-cpu"]
    gain = msgspec.structs.replace(built.gain, bytes=built.gain.fp32_bytes - 4, speed=0.98)
    none = msgspec.structs.replace(built, gain=gain, no_gain=True, float_layers=("sum",) * 28)
    report = msgspec.structs.replace(exported.report, members={"resnet18": {"int8-cpu": none}})
    with pytest.raises(GateError, match=r"0\.98 times as fast; 28 layers are kept in float") as caught:
        _refuse_no_gain(report)
    assert "leave int8-cpu out of --precision" in caught.value.hint
    assert "--tolerance" in caught.value.hint


def test_no_gain_follows_the_layers_kept_in_float(exported):
    from edge_export.bundle.report import _mostly_float

    fp32 = exported.out / "models" / "resnet18.fp32.onnx"
    convolutions = [node.name for node in onnx.load(fp32).graph.node if node.op_type == "Conv"]
    assert not _mostly_float(fp32, convolutions[: len(convolutions) // 2])
    assert _mostly_float(fp32, convolutions[: len(convolutions) // 2 + 1])
    sums = [node.name for node in onnx.load(fp32).graph.node if node.op_type == "Add"]
    assert not _mostly_float(fp32, sums)
