"""A model repository for Triton, read as a server reads it, without a server."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf import text_format

from edge_export.triton import repository, write_repository
from edge_run import BackendError, Bundle, BundleError, Ensemble, UsageError, preprocess, read
from edge_run._files import sha256
from edge_run.backends.network import Network
from edge_run.backends.tensorrt import engines
from toy import edge_run, png, replace_file, scan, toy_model, write_toy_bundle

LABELS = ("covid", "non_covid", "unclear")


class Written(NamedTuple):
    bundle: Bundle
    folder: Path
    merged: Path


@pytest.fixture(scope="module", params=[2, 3], ids=["two labels", "three labels"])
def written(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("triton")
    bundle = Bundle(write_toy_bundle(folder / "toy", labels=LABELS[: request.param]))
    write_repository(bundle, folder / "repository", instances=2, threads=3, timeout_s=1.5)
    write_repository(bundle, folder / "merged", merged=True)
    return Written(bundle, folder / "repository", folder / "merged")


@pytest.fixture(scope="module")
def model_config():
    """Triton's own definition of a configuration, without the package around it, which needs gRPC."""
    package = importlib.util.find_spec("tritonclient")
    if package is None or not package.submodule_search_locations:
        pytest.skip("tritonclient is not installed")
    path = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda folder: text_format.Parse((folder / "config.pbtxt").read_text(), module.ModelConfig())


def run(graph: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def scans_of(bundle: Bundle) -> np.ndarray:
    return np.concatenate([preprocess(read(png(scan(seed))).pixels, bundle.manifest.preprocess) for seed in range(5)])


def through_models(written: Written, batch: np.ndarray) -> dict[str, np.ndarray]:
    """Send a batch through the models of a repository as the ensemble's steps do."""
    feeds = {}
    for member in written.bundle.members:
        answers = run(written.folder / f"toy-{member}/1/model.onnx", {"scan": batch})
        feeds |= {f"{member}/{name}": value for name, value in answers.items()}
    return run(written.folder / "toy-vote/1/model.onnx", feeds)


@pytest.mark.parametrize("way", ["ensemble", "merged"])
def test_answers_are_those_of_predict(written, way):
    batch = scans_of(written.bundle)
    graph = written.merged / "toy/1/model.onnx"
    answers = run(graph, {"scan": batch}) if way == "merged" else through_models(written, batch)
    labels = written.bundle.labels
    with Ensemble.load(written.bundle.path) as ensemble:
        for n in range(len(batch)):
            wanted = ensemble.predict(png(scan(n)))
            assert answers["probabilities"][n] == pytest.approx(list(wanted.probabilities.values()), abs=1e-6)
            assert labels[int(answers["label"][n, 0])] == wanted.label
            maps = ensemble.heatmap(png(scan(n))).maps
            assert answers["heatmap"][n, labels.index(maps.label)] == pytest.approx(maps.ensemble, abs=1e-5)


def test_openvino_reads_the_merged_graph(written):
    """OpenVINO Model Server runs it; BF16, where the processor has it, is less exact than ONNX Runtime's FP32."""
    openvino = pytest.importorskip("openvino")
    graph, batch = written.merged / "toy/1/model.onnx", scans_of(written.bundle)
    found = openvino.Core().compile_model(graph, "CPU")({"scan": batch})
    wanted = run(graph, {"scan": batch})
    assert found["probabilities"] == pytest.approx(wanted["probabilities"], abs=0.02)
    assert found["label"].tolist() == wanted["label"].tolist()
    assert found["heatmap"].shape == wanted["heatmap"].shape


def test_label_follows_the_operating_point(tmp_path):
    def sensitive(manifest):
        manifest["task"]["threshold"] = 0.1

    bundle = Bundle(write_toy_bundle(tmp_path / "toy", mutate=sensitive))
    write_repository(bundle, tmp_path / "merged", merged=True)
    answers = run(tmp_path / "merged/toy/1/model.onnx", {"scan": scans_of(bundle)})
    assert set(answers["probabilities"].argmax(1)) == {1}
    assert set(answers["label"][:, 0]) == {0}


def test_graphs_are_whole_and_of_opset_20(written):
    graphs = [*written.folder.glob("*/1/model.onnx"), *written.merged.glob("*/1/model.onnx")]
    assert len(graphs) == 6
    for path in graphs:
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(model, full_check=True)
        assert [(one.domain, one.version) for one in model.opset_import] == [("", 20)]
        assert model.ir_version <= 10


def test_configurations_say_what_the_graphs_are(written, model_config):
    kinds = {1: "TYPE_FP32", 2: "TYPE_UINT8", 7: "TYPE_INT64", 11: "TYPE_FP64"}
    for path in [*written.folder.glob("*/1/model.onnx"), *written.merged.glob("*/1/model.onnx")]:
        config = model_config(path.parents[1])
        graph = onnx.load(path).graph
        types = config.DESCRIPTOR.file.enum_types_by_name["DataType"].values_by_number
        assert (config.name, config.backend, config.max_batch_size) == (path.parents[1].name, "onnxruntime", 8)
        for said, values in ((config.input, graph.input), (config.output, graph.output)):
            assert {one.name for one in said} == {one.name for one in values}
            for one in said:
                (value,) = [v for v in values if v.name == one.name]
                tensor = value.type.tensor_type
                assert list(one.dims) == [d.dim_value for d in tensor.shape.dim][1:]
                assert types[one.data_type].name == kinds[tensor.elem_type]


def test_ensemble_connects_every_model(written, model_config):
    config = model_config(written.folder / "toy")
    assert config.platform == "ensemble"
    known = {one.name for one in config.input}
    for step in config.ensemble_scheduling.step:
        model = model_config(written.folder / step.model_name)
        assert set(step.input_map) == {one.name for one in model.input}
        assert set(step.output_map) <= {one.name for one in model.output}
        assert set(step.input_map.values()) <= known
        known |= set(step.output_map.values())
    assert {one.name for one in config.output} <= known
    assert len(config.ensemble_scheduling.step) == 5
    assert list((written.folder / "toy/1").iterdir()), "an object store keeps no empty folder"


def test_threads_instances_and_queues_are_bounded(written, model_config):
    for name, instances, threads in (("toy-resnet18", 2, "3"), ("toy-vote", 1, "1")):
        config = model_config(written.folder / name)
        (group,) = config.instance_group
        assert (group.count, group.kind) == (instances, group.KIND_CPU)
        assert config.parameters["intra_op_thread_count"].string_value == threads
        assert config.parameters["inter_op_thread_count"].string_value == "1"
        policy = config.dynamic_batching.default_queue_policy
        assert policy.timeout_action == policy.REJECT
        assert policy.max_queue_size > 0
        assert policy.default_timeout_microseconds == 1_500_000


def test_warm_up_is_with_the_reference_scans(written, model_config):
    config = model_config(written.folder / "toy-googlenet")
    reference = written.bundle.read_array(written.bundle.manifest.reference.scans)
    files = [sample.inputs["scan"].input_data_file for sample in config.model_warmup]
    found = [(written.folder / "toy-googlenet/warmup" / one).read_bytes() for one in files]
    assert found == [one.tobytes() for one in reference] + [reference[0].tobytes()]
    assert [sample.batch_size for sample in config.model_warmup] == [1, 1, 1, 8]
    (sample,) = model_config(written.folder / "toy-vote").model_warmup
    for key, tensor in sample.inputs.items():
        file = written.folder / "toy-vote/warmup" / tensor.input_data_file
        assert tensor.zero_data or file.stat().st_size == 4 * len(written.bundle.labels), key


def test_server_is_told_labels_and_origin(written, model_config):
    for folder in (written.folder / "toy", written.merged / "toy"):
        config = model_config(folder)
        assert (folder / config.output[0].label_filename).read_text().split() == list(written.bundle.labels)
        assert config.parameters["edge_run_bundle_sha256"].string_value == written.bundle.sha256
        assert config.parameters["edge_run_precision"].string_value == "int8-cpu"


def test_no_heatmap_of_features_that_differ_in_size(tmp_path):
    folder = write_toy_bundle(tmp_path / "toy", members=2)
    model = onnx.load_from_string(toy_model(1))
    (conv,) = [node for node in model.graph.node if node.op_type == "Conv"]
    conv.attribute[0].ints[:] = [4, 4]
    for side in model.graph.output[1].type.tensor_type.shape.dim[2:]:
        side.dim_value = 8
    replace_file(folder, "models/googlenet.int8-cpu.onnx", model.SerializeToString())
    written = write_repository(Bundle(folder), tmp_path / "repository")
    assert not written.heatmap
    vote = onnx.load(tmp_path / "repository/toy-vote/1/model.onnx").graph
    assert [one.name for one in vote.output] == ["probabilities", "label"]
    assert [one.name for one in vote.input] == ["resnet18/logits", "googlenet/logits"]


# Engines


def compile_for(bundle: Bundle, member: str, *, batch: int = 8, precision: str = "fp32", onnx_sha: str = "") -> None:
    """Put an engine beside a bundle that says it was built from a member."""
    (found,) = [one for one in bundle.manifest.members if one.id == member]
    network = Network.read(bundle, found, precision)
    plan = f"the engine of {member}".encode()
    key = engines.Key(onnx_sha or network.sha256, "10.3.0", "Orin", "8.7", engines.Options(tf32=False, batch=batch))
    engines.save(engines.engine_path(network), plan, engines.Engine(key, sha256(plan), len(plan), 20, 0))


def test_engines_are_served_as_they_were_compiled(tmp_path, model_config, capsys):
    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=2))
    compile_for(bundle, "resnet18", batch=8)
    compile_for(bundle, "googlenet", batch=4)
    repository = tmp_path / "repository"
    done = edge_run(capsys, "export", bundle.path, "--triton", repository, "--backend", "tensorrt")
    assert done.code == 0, done.err
    assert "fp32 for tensorrt" in done.err
    assert "the engines need TensorRT 10.3.0 and Orin" in done.err
    config = model_config(repository / "toy-googlenet")
    assert (config.platform, config.max_batch_size) == ("tensorrt_plan", 4)
    assert config.instance_group[0].kind == config.instance_group[0].KIND_GPU
    assert not config.parameters
    assert (repository / "toy-googlenet/1/model.plan").read_bytes() == b"the engine of googlenet"
    vote = model_config(repository / "toy-vote")
    assert (vote.backend, vote.instance_group[0].kind) == ("onnxruntime", vote.instance_group[0].KIND_CPU)
    assert model_config(repository / "toy").max_batch_size == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "there is no engine of googlenet.fp32"),
        ({"batch": 1}, "single scans"),
        ({"onnx_sha": "0" * 64}, "another network"),
    ],
)
def test_engine_that_triton_cannot_use_is_refused(tmp_path, change, message):
    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=2))
    compile_for(bundle, "resnet18")
    if change:
        compile_for(bundle, "googlenet", **change)
    with pytest.raises(BackendError, match=message) as raised:
        write_repository(bundle, tmp_path / "repository", backend="tensorrt")
    assert "edge-run compile BUNDLE --precision fp32 --batch 8" in raised.value.hint
    assert not (tmp_path / "repository").exists()


# What is refused


def test_folder_that_is_taken_is_left_alone(tmp_path, capsys):
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/other").write_text("somebody's model")
    done = edge_run(capsys, "export", bundle, "--triton", tmp_path / "taken")
    assert done.code == 2
    assert "taken exists" in done.err
    assert [one.name for one in (tmp_path / "taken").iterdir()] == ["other"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written(tmp_path, capsys):
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    (tmp_path / "locked").mkdir(mode=0o500)
    done = edge_run(capsys, "export", bundle, "--triton", tmp_path / "locked/repository")
    assert (done.code, "cannot be written" in done.err) == (2, True)


def test_folder_below_a_file(tmp_path, capsys):
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    done = edge_run(capsys, "export", bundle, "--triton", bundle / "bundle.json" / "repository")
    assert (done.code, "cannot be written" in done.err) == (2, True)


def test_nothing_is_left_of_a_write_that_fails(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(repository, "move_folder", full)
    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=1))
    with pytest.raises(UsageError, match="No space left on device"):
        write_repository(bundle, tmp_path / "repository")
    assert [one.name for one in tmp_path.iterdir()] == ["toy"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--precision", "fp16"], 2, "toy has no precision 'fp16'"),
        (["--precision", "fp32,int8-cpu"], 2, "has no precision 'fp32,int8-cpu'"),
        (["--precision", "int8-cpu", "--backend", "cuda"], 5, "int8-cpu cannot run on backend cuda"),
        (["--backend", "openvino"], 2, "Triton runs no form for backend openvino"),
        (["--backend", "tensorrt"], 5, "there is no engine of"),
        (["--backend", "tensorrt", "--merged"], 2, "engines are built for each member"),
        (["--early-exit", "--merged"], 2, "a merged graph always runs all members"),
        (["--name", "a/b"], 2, "cannot be the name of a model"),
        (["--out", "there"], 2, "--triton takes no --out"),
    ],
)
def test_request_that_cannot_be_met(tmp_path, capsys, arguments, code, message):
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    done = edge_run(capsys, "export", bundle, "--triton", tmp_path / "repository", *arguments)
    assert (done.code, message in done.err) == (code, True), done.err
    assert "hint: " in done.err
    assert not (tmp_path / "repository").exists()


def test_run_is_no_bundle(tmp_path, capsys):
    (tmp_path / "run.json").write_text("{}")
    done = edge_run(capsys, "export", tmp_path, "--triton", tmp_path / "repository")
    assert (done.code, "is a run" in done.err, "edge-run export" in done.err) == (2, True, True)


def test_merged_without_triton_is_refused(tmp_path, capsys):
    done = edge_run(capsys, "export", tmp_path, tmp_path, "--out", tmp_path / "out", "--merged")
    assert (done.code, "belong to --triton" in done.err) == (2, True)


@pytest.mark.parametrize("member", ["../resnet18", "vote", "early-exit"])
def test_member_whose_name_is_no_folder_is_refused(tmp_path, member):
    def rename(manifest):
        manifest["members"][0]["id"] = member
        manifest["stages"] = [[member]]

    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=1, mutate=rename))
    with pytest.raises(BundleError, match="cannot be the names of models"):
        write_repository(bundle, tmp_path / "repository")


def test_record_names_what_was_written(tmp_path, capsys):
    bundle = write_toy_bundle(tmp_path / "toy", members=2)
    done = edge_run(capsys, "export", bundle, "--triton", tmp_path / "repository", "--name", "chest", "--json")
    record = json.loads(done.out)
    assert record["models"] == ["chest-resnet18", "chest-googlenet", "chest-vote", "chest"]
    assert record["settings"] == {
        "backend": "cpu",
        "precision": "int8-cpu",
        "instances": 1,
        "threads": 1,
        "batch": 8,
        "timeout_s": 2.0,
        "early_exit": False,
    }
    assert sorted(record["models"]) == sorted(one.name for one in (tmp_path / "repository").iterdir())


def test_it_needs_no_pytorch():
    script = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('torch', 'torchvision', 'lightning', 'onnxscript'))\n"
        "import edge_export.triton\n"
        "sys.exit('edge_train' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_missing_onnx_is_5_and_says_how_to_get_it(tmp_path):
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    script = (
        "import sys\n"
        "sys.modules['onnx'] = None\n"
        f"sys.argv = ['edge-run', 'export', {str(bundle)!r}, '--triton', {str(tmp_path / 'repository')!r}]\n"
        "from edge_run.cli import console\n"
        "console()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    assert "pip install 'edge-run[triton]'" in done.stderr
    assert not (tmp_path / "repository").exists()
