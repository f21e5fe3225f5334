"""What is measured, and what is said of the rest."""

from __future__ import annotations

import pytest

from edge_run import BackendError, Bundle, Ensemble, UsageError
from edge_run.backends import BACKENDS
from edge_run.bench.plan import Filters, artefact_bytes, plan, threads_of
from edge_run.bench.record import Skipped, Variant
from edge_run.doctor import BackendState


@pytest.fixture
def manifest(toy):
    return Bundle(toy).manifest


def states(*ready):
    return {
        name: BackendState(name in ready, "" if name in ready else f"no {name}", "get it", known.precisions)
        for name, known in BACKENDS.items()
    }


def test_each_member_and_each_exit_on_each_backend_and_precision(manifest):
    found = plan(manifest, states("cpu", "openvino"), Filters()).variants
    assert {(v.backend, v.precision) for v in found} == {
        (b, p) for b in ("cpu", "openvino") for p in manifest.precisions
    }
    assert [v.name for v in found if (v.backend, v.precision) == ("cpu", "fp32")] == [
        "resnet18", "googlenet", "ensemble, full", "predict, full", "ensemble, certified", "predict, certified",
    ]  # fmt: skip
    assert len(set(found)) == len(found) == 24


def test_what_cannot_run_is_listed_with_its_reason(manifest):
    found = plan(manifest, states("cpu", "cuda"), Filters()).skipped
    assert Skipped("tensorrt", "", "no tensorrt", "get it") in found
    (why_not,) = [one for one in found if one.backend == "cuda"]
    assert why_not.precision == "int8-cpu"
    assert "no INT8 convolution on CUDA" in why_not.reason
    assert not [one for one in found if one.backend == "cpu"]


def test_only_what_is_asked_for(manifest):
    found = plan(manifest, states("cpu", "openvino"), Filters(["openvino", "cuda"], ["int8-cpu"], ["certified"]))
    assert {(v.backend, v.precision, v.exit) for v in found.variants} == {
        ("openvino", "int8-cpu", ""),
        ("openvino", "int8-cpu", "certified"),
    }
    assert [one.backend for one in found.skipped] == ["cuda"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Filters(backends=["cpu", "tpu"]), "backend 'tpu'"),
        (Filters(precisions=["int4"]), "precision 'int4'"),
        (Filters(exits=["early"]), "exit 'early'"),
    ],
)
def test_unknown_words_are_refused_with_the_known_ones(manifest, asked, words):
    with pytest.raises(UsageError, match=words) as refused:
        plan(manifest, states("cpu"), asked)
    assert refused.value.hint.startswith("choose from ")


def test_nothing_left_to_measure_says_why(manifest):
    with pytest.raises(BackendError, match="cuda: no cuda") as refused:
        plan(manifest, states("cpu"), Filters(backends=["cuda"]))
    assert refused.value.hint == "get it"


@pytest.mark.parametrize("stop", ["full", "certified"])
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_threads_are_those_of_the_ensemble(toy, manifest, stop, cores):
    said = threads_of(manifest, Variant("cpu", "fp32", "ensemble", exit=stop), cores)
    with Ensemble.load(toy, precision="fp32", threads=cores, early_exit=stop == "certified") as ensemble:
        assert said == {manifest.members[m].id: count for m, count in ensemble._pool.threads.items()}


def test_a_member_alone_has_all_cores(manifest):
    alone = Variant("cpu", "fp32", "member", member="googlenet")
    assert threads_of(manifest, alone, 4) == {"googlenet": 4}


def test_size_is_that_of_the_files(toy, manifest):
    sizes = {member.id: member.artefacts["fp32"].file.bytes for member in manifest.members}
    assert artefact_bytes(Bundle(toy), ["fp32", "fp32"]) == {"fp32": sizes}


def test_quick_measures_each_precision_on_the_backend_of_auto_and_on_the_cpu(manifest):
    found = plan(manifest, states("cuda", "cpu", "openvino"), Filters(quick=True))
    assert list(dict.fromkeys((v.backend, v.precision) for v in found.variants)) == [
        ("cuda", "fp32"), ("cpu", "int8-cpu"), ("cpu", "fp32"),
    ]  # fmt: skip
    assert {v.exit for v in found.variants} == {"", "full"}
    left_out = [one for one in found.skipped if "--quick" in one.reason]
    assert [(one.backend, one.precision, one.hint) for one in left_out] == [
        ("openvino", "int8-cpu", "--backend openvino"), ("openvino", "fp32", "--backend openvino"),
    ]  # fmt: skip


def test_quick_measures_what_is_named(manifest):
    found = plan(manifest, states("cpu", "openvino"), Filters(["cpu", "openvino"], None, ["certified"], quick=True))
    assert {(v.backend, v.exit) for v in found.variants} == {
        (backend, exit_) for backend in ("cpu", "openvino") for exit_ in ("", "certified")
    }
