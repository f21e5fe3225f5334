"""Providers of ONNX Runtime, against a fake that behaves as the real one was seen to, and where it can be, the real."""

# The fakes take what the real ones take, used or not.
# ruff: noqa: ARG001, ARG002, ARG005

from __future__ import annotations

import importlib
import inspect
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from edge_run import BackendError
from edge_run.backends import Network, installed, unavailable
from edge_run.backends import open_runner as open_on
from edge_run.backends.onnxruntime import cpu, gpu, providers
from toy import toy_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_run.backends import Runner

BATCH = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8)
NAMES = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt-ep": "TensorrtExecutionProvider",
    "rtx": "NvTensorRTRTXExecutionProvider",
}
# Of a module that is imported before ONNX Runtime is replaced: the CPU stays real.
ON_THE_CPU = cpu.PROVIDER


def entry(options: onnxruntime.SessionOptions, key: str) -> str | None:
    """A setting of a session; ONNX Runtime raises where there is none."""
    try:
        return options.get_session_config_entry(key)
    except RuntimeError:
        return None


class FakeSession:
    """A session that says it runs on a GPU, and computes on the CPU."""

    asked: Any
    kwargs: dict[str, Any]
    options: onnxruntime.SessionOptions
    silent = False
    """Falls to the CPU without a word, as it does where it is not asked to be strict."""
    strict_failure = ""
    run_failure = ""
    batches: list[int]

    def __init__(self, path_or_bytes, sess_options=None, providers=None, provider_options=None, **kwargs):
        cls = type(self)
        cls.asked, cls.kwargs, cls.options, cls.batches = providers, kwargs, sess_options, []
        strict = entry(sess_options, "session.disable_cpu_ep_fallback") == "1"
        if cls.strict_failure and strict:
            raise RuntimeError(cls.strict_failure)
        name = providers[0][0] if providers else NAMES["rtx"]
        self.providers = [ON_THE_CPU] if cls.silent or cls.strict_failure else [name, ON_THE_CPU]
        self.fallback = True
        self.session = onnxruntime.InferenceSession(path_or_bytes, providers=[ON_THE_CPU])

    def get_providers(self):
        return self.providers

    def disable_fallback(self):
        self.fallback = False

    def run(self, output_names, input_feed, run_options=None):
        if self.run_failure:
            if self.fallback:
                self.providers = [ON_THE_CPU]
            else:
                raise RuntimeError(self.run_failure)
        self.batches.append(len(input_feed["scan"]))
        return self.session.run(output_names, input_feed, run_options)


class FakeOptions(onnxruntime.SessionOptions):
    """Session options that take devices that are none."""

    devices: Any = None

    def add_provider_for_devices(self, devices, options):
        type(self).devices = (list(devices), dict(options))


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeSession]]:
    """ONNX Runtime with every provider built in, a plugin installed, and a GPU; the class may be told to misbehave."""

    class Session(FakeSession):
        pass

    listed: list[Any] = []

    def register(registration_name, library_path):
        listed.append(SimpleNamespace(ep_name=registration_name))

    def preload_dlls(cuda=True, cudnn=True, msvc=True, directory=None):
        sys.stdout.write("libcudnn.so.9 is not here")

    cpu = SimpleNamespace(ep_name=ON_THE_CPU)
    fake = SimpleNamespace(
        __version__="1.99",
        __spec__=onnxruntime.__spec__,
        InferenceSession=Session,
        SessionOptions=FakeOptions,
        RunOptions=onnxruntime.RunOptions,
        get_available_providers=lambda: [NAMES["tensorrt-ep"], NAMES["cuda"], ON_THE_CPU],
        set_default_logger_severity=lambda severity: None,
        preload_dlls=preload_dlls,
        get_ep_devices=lambda: [cpu, *listed],
        register_execution_provider_library=register,
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)  # type: ignore[arg-type]
    plugin = SimpleNamespace(get_library_path=lambda: "plugin.so")
    monkeypatch.setitem(sys.modules, providers.RTX_PACKAGE, plugin)  # type: ignore[arg-type]
    providers._preload_once.cache_clear()
    yield Session
    providers._preload_once.cache_clear()


def opened(backend: str, *, precision: str = "fp32", engines: Path | None = None) -> Runner:
    return open_on(backend, Network(toy_model(), "toy.fp32", precision, 32, engines), threads=1)


def test_fakes_are_called_as_the_real_ones() -> None:
    for name in ("__init__", "run", "get_providers", "disable_fallback"):
        real = inspect.signature(getattr(onnxruntime.InferenceSession, name)).parameters
        assert list(inspect.signature(getattr(FakeSession, name)).parameters) == list(real)
    assert list(inspect.signature(onnxruntime.preload_dlls).parameters) == ["cuda", "cudnn", "msvc", "directory"]
    assert callable(onnxruntime.SessionOptions.add_provider_for_devices)
    assert callable(onnxruntime.register_execution_provider_library)
    assert all(device.ep_name for device in onnxruntime.get_ep_devices())


@pytest.mark.parametrize("backend", NAMES)
def test_provider_answers_as_the_network_does(session: type[FakeSession], backend: str) -> None:
    with opened(backend) as runner, open_on("cpu", Network(toy_model(), "toy", "fp32", 32), threads=1) as cpu:
        assert runner.backend == backend
        assert runner.run(BATCH).logits == pytest.approx(cpu.run(BATCH).logits, abs=1e-5)
    assert entry(session.options, "session.disable_cpu_ep_fallback") == "1"
    assert entry(session.options, "session.model_external_initializers_file_folder_path")
    assert session.kwargs == {"enable_fallback": 0}


@pytest.mark.parametrize("backend", NAMES)
def test_cpu_is_not_among_the_providers(session: type[FakeSession], backend: str) -> None:
    opened(backend).close()
    asked = [name for name, _ in session.asked or ()]
    assert asked == ([] if backend == "rtx" else [NAMES[backend]])


@pytest.mark.parametrize("backend", NAMES)
def test_silent_fall_to_the_cpu_is_caught(session: type[FakeSession], backend: str) -> None:
    session.silent = True
    with pytest.raises(
        BackendError, match=f"{NAMES[backend]} of .* ONNX Runtime fell to CPUExecutionProvider"
    ) as caught:
        opened(backend)
    assert "pip" in caught.value.hint


@pytest.mark.parametrize("backend", NAMES)
def test_refusal_of_nodes_is_one_line(session: type[FakeSession], backend: str) -> None:
    session.strict_failure = "[ONNXRuntimeError] : 1 : FAIL :\n  nodes are assigned\n  to the CPU"
    with pytest.raises(BackendError, match=r"does not take toy\.fp32: .*FAIL : nodes are assigned to the CPU\nhint: "):
        opened(backend)


@pytest.mark.parametrize("backend", NAMES)
def test_kernel_that_fails_at_its_first_run_is_caught(session: type[FakeSession], backend: str) -> None:
    session.run_failure = "cudaErrorNoKernelImageForDevice"
    with pytest.raises(BackendError, match=r"toy\.fp32 fails in .*cudaErrorNoKernelImageForDevice"):
        opened(backend)


@pytest.mark.parametrize("backend", ["cuda", "tensorrt-ep"])
def test_libraries_that_are_not_found_are_not_printed(
    session: type[FakeSession], backend: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert session
    opened(backend).close()
    assert capfd.readouterr() == ("", "")


def test_fp32_is_not_cut_to_ten_bits(session: type[FakeSession]) -> None:
    told = {}
    for precision in ("fp32", "fp16"):
        opened("cuda", precision=precision).close()
        ((_, told[precision]),) = session.asked
    assert (told["fp32"]["use_tf32"], told["fp16"]["use_tf32"]) == (0, 1)


@pytest.mark.parametrize(
    ("precision", "fp16", "int8"), [("fp32", False, False), ("fp16", True, False), ("int8-trt", False, True)]
)
def test_tensorrt_provider_is_told_what_to_build(
    session: type[FakeSession], tmp_path: Path, precision: str, fp16: bool, int8: bool
) -> None:
    opened("tensorrt-ep", precision=precision, engines=tmp_path / "engines").close()
    ((_, options),) = session.asked
    assert [options[f"trt_profile_{bound}_shapes"] for bound in ("min", "opt", "max")] == [
        "scan:1x1x32x32", "scan:1x1x32x32", "scan:8x1x32x32",
    ]  # fmt: skip
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == (fp16, int8)
    assert options["trt_engine_cache_enable"] is True
    assert options["trt_timing_cache_enable"] is True
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"]


def test_engines_of_other_weights_lie_elsewhere(session: type[FakeSession], tmp_path: Path) -> None:
    for seed, precision in ((0, "fp32"), (0, "fp32"), (1, "fp32"), (0, "fp16")):
        network = Network(toy_model(seed), "toy", precision, 32, tmp_path / "toy.engines")
        open_on("tensorrt-ep", network, threads=1).close()
        ((_, options),) = session.asked
        assert network.sha256[:32] in options["trt_engine_cache_path"]
    assert len(list((tmp_path / "toy.engines").glob("tensorrt-ep-*/*"))) == 3


def test_nothing_is_kept_where_nothing_can_be(session: type[FakeSession], tmp_path: Path) -> None:
    (tmp_path / "engines").write_text("a file in the folder's place")
    for engines in (None, tmp_path / "engines"):
        opened("tensorrt-ep", engines=engines).close()
        ((_, options),) = session.asked
        assert "trt_engine_cache_enable" not in options


@pytest.mark.parametrize("backend", ["tensorrt-ep", "rtx"])
def test_engines_that_others_may_write_are_refused(session: type[FakeSession], tmp_path: Path, backend: str) -> None:
    assert session
    opened(backend, engines=tmp_path / "engines").close()
    (folder,) = (tmp_path / "engines").glob(f"{backend}-*/*")
    (folder / "toy.engine").write_bytes(b"a program")
    (folder / "toy.engine").chmod(0o666)
    opened(backend, engines=tmp_path / "engines").close()
    folder.chmod(0o755)
    with pytest.raises(BackendError, match=r"other users may write to .*toy\.engine"):
        opened(backend, engines=tmp_path / "engines")


@pytest.mark.parametrize(
    ("backend", "batches"), [("cuda", [1, 19]), ("tensorrt-ep", [1, 8, 8, 3]), ("rtx", [1, 8, 8, 3])]
)
def test_batch_beyond_the_engine_is_cut(session: type[FakeSession], backend: str, batches: list[int]) -> None:
    many = np.concatenate([BATCH] * 7)[:19]
    with opened(backend) as runner, open_on("cpu", Network(toy_model(), "toy", "fp32", 32), threads=1) as cpu:
        cut, whole = runner.run(many), cpu.run(many)
    assert session.batches == batches
    assert cut.logits == pytest.approx(whole.logits, abs=1e-5)
    assert cut.features == pytest.approx(whole.features, abs=1e-5)


# The plugin


def test_plugin_is_registered_once_and_given_one_gpu(session: type[FakeSession], tmp_path: Path) -> None:
    assert session
    for _ in range(2):
        opened("rtx", engines=tmp_path / "engines").close()
    devices, options = FakeOptions.devices
    assert [device.ep_name for device in devices] == [NAMES["rtx"]]
    assert options["nv_profile_max_shapes"] == "scan:8x1x32x32"
    assert options["nv_runtime_cache_path"].startswith(str(tmp_path / "engines"))
    assert set(map(type, options.values())) == {str}


def test_plugin_that_cannot_be_registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugin = SimpleNamespace(get_library_path=lambda: str(tmp_path / "gone.so"))
    monkeypatch.setitem(sys.modules, providers.RTX_PACKAGE, plugin)
    with pytest.raises(BackendError, match=r"cannot be registered: .*gone\.so"):
        opened("rtx")


def test_plugin_that_finds_no_gpu(session: type[FakeSession], monkeypatch: pytest.MonkeyPatch) -> None:
    assert session
    monkeypatch.setattr(sys.modules["onnxruntime"], "register_execution_provider_library", lambda name, path: None)
    with pytest.raises(BackendError, match="finds no GPU that it supports"):
        opened("rtx")


def test_runtime_too_old_for_plugins(session: type[FakeSession], monkeypatch: pytest.MonkeyPatch) -> None:
    assert session
    monkeypatch.delattr(sys.modules["onnxruntime"], "get_ep_devices")
    with pytest.raises(BackendError, match=r"ONNX Runtime 1\.99 takes no plugins") as caught:
        opened("rtx")
    assert "--upgrade onnxruntime" in caught.value.hint


# The real ONNX Runtime, which has no GPU here


def test_provider_that_was_not_built_in(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    real = onnxruntime.get_available_providers()
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [n for n in real if n != NAMES["cuda"]])
    with pytest.raises(BackendError, match="built without CUDAExecutionProvider"):
        opened("cuda")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif("AzureExecutionProvider" not in onnxruntime.get_available_providers(), reason="not in this build")
def test_provider_that_takes_no_node_is_no_provider(capfd: pytest.CaptureFixture[str]) -> None:
    class Idle(gpu.GpuRunner):
        backend, install, provider = "idle", "choose another", "AzureExecutionProvider"

        def _options(self, network: Network) -> dict[str, Any]:
            return {}

    with pytest.raises(BackendError, match="assigned to the default CPU EP") as caught:
        Idle(Network(toy_model(), "toy", "fp32", 32), threads=1)
    assert caught.value.hint == "choose another"
    assert capfd.readouterr() == ("", "")


def test_library_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libprovider.so").write_bytes(b"no library")
    monkeypatch.setattr(installed, "locate", lambda part: str(tmp_path / "libprovider.so"))
    with pytest.raises(BackendError, match=r"does not take toy\.fp32: .*libprovider\.so: "):
        opened("cuda")


# What is missing


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Make a machine with or without a GPU, with libraries of providers, and packages."""

    def make(*, has_gpu: bool, libraries: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> None:
        for name in libraries:
            library = tmp_path / installed.provider_library(name).partition("/")[2]
            library.parent.mkdir(exist_ok=True)
            library.touch()
        spec = SimpleNamespace(origin=str(tmp_path), submodule_search_locations=[str(tmp_path)])
        known = {"onnxruntime": spec, **dict.fromkeys(packages, spec)}
        monkeypatch.setattr(installed.importlib.util, "find_spec", known.get)
        monkeypatch.setattr(gpu, "has_nvidia_gpu", lambda: has_gpu)

    return make


@pytest.mark.parametrize(
    ("backend", "libraries", "packages"),
    [("cuda", ("cuda",), ()), ("tensorrt-ep", ("tensorrt",), ()), ("rtx", (), (providers.RTX_PACKAGE,))],
)
def test_nothing_is_missing(
    machine: Callable[..., None],
    backend: str,
    libraries: tuple[str, ...],
    packages: tuple[str, ...],
) -> None:
    machine(has_gpu=True, libraries=libraries, packages=packages)
    assert unavailable(backend) is None


@pytest.mark.parametrize(
    ("backend", "libraries", "packages"),
    [("cuda", ("cuda",), ()), ("tensorrt-ep", ("tensorrt",), ()), ("rtx", (), (providers.RTX_PACKAGE,))],
)
def test_installed_without_a_gpu_deserves_a_word(
    machine: Callable[..., None], backend: str, libraries: tuple[str, ...], packages: tuple[str, ...]
) -> None:
    machine(has_gpu=False, libraries=libraries, packages=packages)
    lacks = unavailable(backend)
    assert lacks is not None
    assert (lacks.reason, lacks.installed) == ("this machine shows no NVIDIA GPU", True)


@pytest.mark.parametrize("has_gpu", [True, False])
@pytest.mark.parametrize("backend", [*NAMES, "openvino"])
def test_not_installed(machine: Callable[..., None], backend: str, has_gpu: bool) -> None:
    machine(has_gpu=has_gpu)
    lacks = unavailable(backend)
    assert lacks is not None
    assert not lacks.installed
    assert "pip install" in lacks.hint


def test_folder_of_the_name_is_not_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "openvinno" / "capi").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    assert installed.locate("openvinno") is None
    (tmp_path / "openvinno" / "__init__.py").touch()
    importlib.invalidate_caches()
    assert installed.locate("openvinno") == str(tmp_path / "openvinno" / "__init__.py")
    assert installed.locate("openvinno/capi/lib.so") is None
