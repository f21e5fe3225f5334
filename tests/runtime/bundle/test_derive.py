"""Forms that are derived from the stored one: the same kernels, other arithmetic."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge_export.graphs.int8_cpu import quantise_for_cpu
from edge_export.graphs.ranges import measure_ranges
from edge_export.graphs.simulate import Simulation
from edge_run import Bundle, Ensemble, verify
from edge_run.bundle.derive import FORMS, cache, derive
from edge_run.bundle.derive.float32 import to_float
from edge_run.ensemble.verify import not_replayed
from edge_run.errors import BackendError, BundleError
from small_onnx import LAYERS, smooth_scans, write_small
from toy import scan, write_toy_bundle

SCANS = smooth_scans(16)[:, None]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small network: its float graph and its ``int8-cpu`` form, with and without a layer in float."""
    folder = tmp_path_factory.mktemp("small")
    fp32 = write_small(folder / "fp32.onnx")
    ranges = measure_ranges(fp32, SCANS[:, 0], ["minmax"])["minmax"]
    made = {}
    for kept in ((), ("second", "sum")):
        path = folder / f"int8{len(kept)}.onnx"
        quantise_for_cpu(fp32, path, ranges, kept)
        made[kept] = path.read_bytes()
    return fp32, made


def answers(model, tmp_path, *, half_scales=False):
    path = tmp_path / "model.onnx"
    path.write_bytes(model)
    return Simulation(path, half_scales=half_scales).logits(SCANS)


@pytest.mark.parametrize("kept", [(), ("second", "sum")], ids=["all in eight bits", "a sum in float"])
@pytest.mark.parametrize("form", FORMS)
def test_form_answers_as_the_stored_one_and_as_the_network_it_was_made_of(small, tmp_path, form, kept):
    fp32, stored = small
    model = derive(stored[kept], form, kept)
    onnx.checker.check_model(onnx.load_model_from_string(model))
    found = answers(model, tmp_path, half_scales=form == "int8-trt-fp16")
    spread = np.ptp(answers(fp32.read_bytes(), tmp_path))
    assert np.abs(found - answers(stored[kept], tmp_path)).max() < 0.05 * spread
    assert np.abs(found - answers(fp32.read_bytes(), tmp_path)).max() < 0.05 * spread


@pytest.mark.parametrize("kept", [(), ("second", "sum")], ids=["all in eight bits", "a sum in float"])
def test_float_form_has_the_layers_of_the_network(small, kept):
    fp32, stored = small
    wanted = Counter(node.op_type for node in onnx.load(fp32).graph.node)
    found = Counter(node.op_type for node in to_float(stored[kept]).model.graph.node)
    # Behind a concatenation of what is not negative a pair is nothing; as an output of the graph it keeps a name.
    assert found - Counter(Identity=1) == wanted


def test_kernels_are_the_same_numbers_in_every_form(small):
    stored = small[1][()]
    float_kernels = {
        i.name: numpy_helper.to_array(i) for i in onnx.load_model_from_string(derive(stored, "fp32")).graph.initializer
    }
    int8 = {
        i.name: numpy_helper.to_array(i)
        for i in onnx.load_model_from_string(derive(stored, "int8-trt")).graph.initializer
    }
    graph = to_float(stored)
    assert len(graph.kernels) == len(LAYERS)
    for name, kernel in graph.kernels.items():
        assert np.array_equal(int8[f"{name}_quantized"], kernel.steps)
        assert np.array_equal(int8[f"{name}_scale"], kernel.scale)
        spread = kernel.scale.reshape(-1, 1, 1, 1).astype(np.float64)
        assert np.array_equal(float_kernels[name], (kernel.steps * spread).astype(np.float32))


def test_layers_in_float_stay_in_float(small):
    kept = ("second", "sum")
    model = onnx.load_model_from_string(derive(small[1][kept], "int8-trt", kept))
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type == "Conv":
            in_eight_bits = [makers.get(name) == "DequantizeLinear" for name in node.input[:2]]
            assert in_eight_bits == [node.name != "second"] * 2


def test_same_input_gives_the_same_bytes(small):
    assert derive(small[1][()], "fp16") == derive(small[1][()], "fp16")


@pytest.mark.parametrize(("member", "relus", "furthest"), [("resnet18", 17, 0.06), ("googlenet", 57, 0.08)])
def test_embedded_bundle_gives_the_float_networks_it_was_made_of(tmp_path, member, relus, furthest):
    bundle = Bundle()
    one = next(m for m in bundle.manifest.members if m.id == member)
    artefact = one.artefacts["int8-cpu"]
    model = derive(bundle.read(artefact.file), "fp32")
    assert Counter(node.op_type for node in onnx.load_model_from_string(model).graph.node)["Relu"] == relus
    (tmp_path / "m.onnx").write_bytes(model)
    found = Simulation(tmp_path / "m.onnx").logits(bundle.read_array(bundle.manifest.reference.scans))
    assert np.abs(found - np.array(artefact.reference_logits)).max() < furthest


@pytest.mark.parametrize("damage", [b"", b"\x00" * 64, None], ids=["empty", "no ONNX", "a kernel's scale is missing"])
def test_what_is_no_artefact_of_edge_run_is_refused(small, damage):
    if damage is None:
        model = onnx.load_model_from_string(small[1][()])
        scale = next(i for i in model.graph.initializer if i.name.endswith("weight_scale"))
        model.graph.initializer.remove(scale)
        damage = model.SerializeToString()
    with pytest.raises(BundleError):
        derive(damage, "fp32")


def test_missing_package_is_named(small, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("edge_run.bundle.derive.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendError, match="needs the package onnx") as caught:
        derive(small[1][()], "fp32")
    assert "pip install" in caught.value.hint


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle that stores ``int8-cpu`` and derives ``fp32``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def derive_fp32(manifest):
        for member in manifest["members"]:
            member["artefacts"]["fp32"] |= {"file": None, "derived_from": "int8-cpu"}

    folder = write_toy_bundle(tmp_path / "toy", members=2, mutate=derive_fp32)
    (folder / "models" / "resnet18.fp32.onnx").unlink()
    return folder


def test_bundle_answers_in_a_form_that_it_does_not_store(bundle):
    with Ensemble.load(bundle, precision="int8-cpu") as stored, Ensemble.load(bundle, precision="fp32") as derived:
        wanted, found = (one.predict(scan()).to_dict() for one in (stored, derived))
    # The toys' networks are float throughout, so that nothing but the temperature differs.
    assert [m["logits"] for m in found["members"]] == [m["logits"] for m in wanted["members"]]
    assert (found["precision"], wanted["precision"]) == ("fp32", "int8-cpu")
    assert len(list(bundle.with_name("toy.derived").glob("*.fp32.*.onnx"))) == 2


def test_form_with_more_layers_in_float_is_derived_with_them(tmp_path):
    def keep(manifest):
        for member, own in zip(
            manifest["members"], (None, {"method": "minmax", "float_layers": ["conv"]}), strict=True
        ):
            member["artefacts"]["int8-cpu"]["quantisation"] = {"method": "minmax", "float_layers": ["sum"]}
            member["artefacts"]["fp32"] |= {"file": None, "derived_from": "int8-cpu", "quantisation": own}

    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=2, mutate=keep))
    sources = [bundle.source_of(member, "fp32") for member in bundle.manifest.members]
    assert [tuple(source.float_layers) for source in sources] == [("sum",), ("conv",)]
    stored = [bundle.source_of(member, "int8-cpu") for member in bundle.manifest.members]
    assert [tuple(source.float_layers) for source in stored] == [("sum",), ("sum",)]


def test_verify_replays_a_derived_form_once_it_is_there(bundle):
    opened = Bundle(bundle)
    assert opened.manifest.stored_precisions == ("int8-cpu",)
    assert "edge-run derive" in not_replayed(opened)["fp32"]
    assert {check.name for check in verify(opened)} == {"preprocessing", "resnet18.int8-cpu", "googlenet.int8-cpu"}
    for member in opened.manifest.members:
        opened.model(member, "fp32")
    assert not not_replayed(opened)
    assert {check.name for check in verify(opened)} > {"resnet18.fp32", "googlenet.fp32"}


@pytest.mark.parametrize(
    "artefact",
    [
        {"file": None, "derived_from": None},
        {"derived_from": "int8-cpu"},
        {"file": None, "derived_from": "fp16"},
        {"file": None, "derived_from": "fp32"},
    ],
    ids=["neither", "both", "from one that is missing", "from itself"],
)
def test_manifest_that_derives_from_nothing_is_refused(tmp_path, artefact):
    folder = write_toy_bundle(
        tmp_path / "toy", members=1, mutate=lambda m: m["members"][0]["artefacts"]["fp32"].update(artefact)
    )
    with pytest.raises(BundleError, match="derived from"):
        Bundle(folder)


def source(stored):
    return cache.Source("small", hashlib.sha256(stored).hexdigest(), (), lambda: stored)


class TestCache:
    @pytest.fixture
    def counted(self, monkeypatch):
        calls = []

        def recorded(stored, form, float_layers):
            calls.append(form)
            return derive(stored, form, float_layers)

        monkeypatch.setattr(cache, "derive", recorded)
        return calls

    def test_each_form_is_derived_once(self, small, tmp_path, counted):
        stored = small[1][()]
        first = cache.derived(source(stored), "fp32", tmp_path / "new")
        assert cache.derived(source(stored), "fp32", tmp_path / "new") == first
        assert cache.derived(source(small[1]["second", "sum"]), "fp32", tmp_path / "new") != first
        assert counted == ["fp32", "fp32"]
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700

    def test_damaged_file_is_derived_again(self, small, tmp_path, counted):
        first = cache.derived(source(small[1][()]), "fp32", tmp_path)
        (path,) = tmp_path.glob("*.onnx")
        path.write_bytes(first[:-1] + b"x")
        assert cache.derived(source(small[1][()]), "fp32", tmp_path) == first
        assert path.read_bytes() == first
        assert counted == ["fp32", "fp32"]

    def test_file_that_others_may_write_is_not_read(self, small, tmp_path, counted):
        first = cache.derived(source(small[1][()]), "fp32", tmp_path)
        tmp_path.chmod(0o777)
        assert cache.derived(source(small[1][()]), "fp32", tmp_path) == first
        assert counted == ["fp32", "fp32"]

    def test_full_disk_or_read_only_folder_costs_time_and_no_answer(self, small, tmp_path, monkeypatch, caplog):
        def full(*_args, **_options):
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(cache, "replace_file", full)
        assert cache.derived(source(small[1][()]), "fp32", tmp_path)
        assert "could not be kept" in caplog.text
        blocked = tmp_path / "file"
        blocked.write_text("in the way")
        assert cache.derived(source(small[1][()]), "fp32", blocked / "cache")

    def test_two_at_once_derive_once(self, small, tmp_path, counted):
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: cache.derived(source(small[1][()]), "fp32", tmp_path), range(4)))
        assert len(set(found)) == 1
        assert counted == ["fp32"]

    def test_stopped_process_that_holds_the_lock_is_not_waited_for_for_ever(self, small, tmp_path, monkeypatch):
        monkeypatch.setattr(cache, "PATIENCE_S", 0.2)
        with cache._one_at_a_time(tmp_path):
            assert cache.derived(source(small[1][()]), "fp32", tmp_path)
