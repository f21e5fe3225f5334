"""The engine cache: what makes an engine stale, and what is refused before TensorRT sees it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from edge_run import BackendError
from edge_run.backends.network import Network
from edge_run.backends.tensorrt import engines
from edge_run.backends.tensorrt.device import Gpu
from edge_run.backends.tensorrt.engines import Engine, Key, Options
from edge_run.backends.tensorrt.runner import TensorRTRunner
from fake_tensorrt import VERSION, install, plan_of
from toy import toy_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = toy_model()
PLAN = plan_of(MODEL)
HERE = Gpu("Fake Orin", "8.7")
AGAIN = "edge-run compile BUNDLE --precision fp16"


def network(folder: Path, precision: str = "fp16") -> Network:
    return Network(MODEL, f"toy.{precision}", precision, 32, folder)


def kept(folder: Path, precision: str = "fp16", **options: Any) -> Path:
    """Save an engine of this machine; its path."""

    of, tf32 = network(folder, precision), engines.allows_tf32(precision)
    key = engines.key_of(of, VERSION, HERE, Options(**{"tf32": tf32, **options}))
    path = engines.engine_path(of)
    engines.save(path, PLAN, Engine(key, hashlib.sha256(PLAN).hexdigest(), len(PLAN), 1, 0))
    return path


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    record = json.loads(path.with_suffix(".json").read_text())
    change(record)
    path.with_suffix(".json").write_text(json.dumps(record))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = kept(tmp_path / "made" / "toy.engines")
    engine, plan = engines.load(network(path.parent), VERSION, HERE)
    assert plan == PLAN
    assert (engine.bytes, engine.convolutions) == (len(PLAN), 1)
    assert [p.name for p in sorted(path.parent.iterdir())] == ["toy.fp16.engine", "toy.fp16.json"]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = kept(tmp_path / "toy.engines")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["toy", "toy.fp16"])
def test_path_of_an_engine(tmp_path: Path, name: str) -> None:
    assert engines.engine_path(Network(b"", name, "fp16", 32, tmp_path)) == tmp_path / "toy.fp16.engine"


def test_network_without_a_folder_has_no_engine() -> None:
    with pytest.raises(BackendError, match=r"toy\.fp16 has no folder for engines"):
        engines.engine_path(Network(b"", "toy.fp16", "fp16", 32))


STALE: dict[str, tuple[str, object, object]] = {
    "onnx": ("fp16", "0" * 64, hashlib.sha256(MODEL).hexdigest()),
    "tensorrt": ("fp16", "10.16.2.10", VERSION),
    "gpu": ("fp16", "Other GPU", HERE.name),
    "compute_capability": ("fp16", "9.0", HERE.compute_capability),
    "tf32": ("fp32", True, False),
    "optimization_level": ("fp16", 5, engines.OPTIMIZATION_LEVEL),
}


@pytest.mark.parametrize("field", STALE)
def test_stale_engine_names_the_field_both_values_and_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    precision, was, now = STALE[field]
    path = kept(tmp_path, precision)

    def age(record: dict[str, Any]) -> None:
        (record["key"] if field in record["key"] else record["key"]["options"])[field] = was

    rewrite(path, age)
    cuda, _ = install(monkeypatch)
    with pytest.raises(BackendError) as caught:
        TensorRTRunner(network(tmp_path, precision), threads=1)
    assert caught.value.message == f"the engine {path.name} is stale: {field} was {was} and is {now}"
    assert caught.value.hint == f"edge-run compile BUNDLE --precision {precision}"
    assert "trt.Runtime" not in cuda.calls


def test_every_field_of_the_key_is_compared_or_a_choice_of_the_builder() -> None:
    choices = {"batch", "workspace_mib", "dla"}
    assert set(STALE) | choices == (set(Key.__struct_fields__) - {"options"}) | set(Options.__struct_fields__)


@pytest.mark.parametrize("choice", [{"batch": 4}, {"workspace_mib": 7}, {"dla": True}])
def test_choices_of_the_builder_are_taken_as_they_are(tmp_path: Path, choice: dict[str, Any]) -> None:
    kept(tmp_path, **choice)
    engine, _ = engines.load(network(tmp_path), VERSION, HERE)
    assert engine.key.options == Options(tf32=True, **choice)


@pytest.mark.parametrize("change", [b"", PLAN[:-1], PLAN + b"\0", PLAN[:-1] + b"\1"])
def test_changed_engine_is_refused_before_tensorrt_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    path = kept(tmp_path)
    path.write_bytes(change)
    cuda, _ = install(monkeypatch)
    with pytest.raises(BackendError, match="is not the engine that its record describes") as caught:
        TensorRTRunner(network(tmp_path), threads=1)
    assert caught.value.hint == f"{AGAIN} --force"
    assert "trt.Runtime" not in cuda.calls


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.with_suffix(".json").unlink(),
        lambda path: path.with_suffix(".json").write_text("{"),
        lambda path: path.with_suffix(".json").write_text("[]"),
        lambda path: path.with_suffix(".json").write_bytes(b" " * engines.MAX_RECORD_BYTES + b"{}"),
        lambda path: rewrite(path, lambda record: record.update(more=1)),
    ],
    ids=["missing", "cut off", "something else", "endless", "of another edge-run"],
)
def test_engine_without_a_record_is_none(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(kept(tmp_path))
    with pytest.raises(BackendError, match=r"there is no engine of toy\.fp16 for this device") as caught:
        engines.load(network(tmp_path), VERSION, HERE)
    assert caught.value.hint == AGAIN


def test_failed_write_leaves_the_engine_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BackendError, match=r"engines cannot be kept in .*: No space left on device"):
        engines.write(path, b"other")
    assert path.read_bytes() == PLAN
    assert len(list(tmp_path.iterdir())) == 2


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendError, match="engines cannot be kept in") as caught:
        engines.write(tmp_path / "file" / "toy.engine", b"")
    assert "right to write" in caught.value.hint


# Whose it is


@pytest.mark.parametrize("which", ["engine", "json", "folder"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_engine_that_others_may_write_is_refused_before_tensorrt_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, mode: int
) -> None:
    path = kept(tmp_path / "toy.engines")
    writable = path.parent if which == "folder" else path.with_suffix(f".{which}")
    writable.chmod(writable.stat().st_mode | mode)
    cuda, _ = install(monkeypatch)
    with pytest.raises(BackendError, match=f"other users may write to {writable} ") as caught:
        TensorRTRunner(network(path.parent), threads=1)
    assert f"chmod go-w {writable}" in caught.value.hint
    assert "trt.Runtime" not in cuda.calls


def test_engine_of_another_user_is_refused_and_roots_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(tmp_path / "toy.engines")
    owner = path.stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: owner + 1)
    if owner == 0:
        assert engines.load(network(path.parent), VERSION, HERE)
        os.chown(path, 4321, -1)
        owner = 4321
    with pytest.raises(BackendError, match=rf"belongs to another user \(uid {owner}\)"):
        engines.load(network(path.parent), VERSION, HERE)


def test_timing_cache_that_others_may_write_is_refused(tmp_path: Path) -> None:
    engines.write(tmp_path / engines.TIMING_CACHE, b"times")
    (tmp_path / engines.TIMING_CACHE).chmod(0o666)
    with pytest.raises(BackendError, match="other users may write"):
        engines.read_timing_cache(tmp_path)
