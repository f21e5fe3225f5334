from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from edge_run.errors import BundleError
from edge_train.fit.checkpoint import SafeCheckpointIO

IO = SafeCheckpointIO()


def same(a, b):
    """Equal in value, type and, for tensors, every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "checkpoint.ckpt"


def test_round_trip_keeps_values_types_and_order(path):
    shared = torch.arange(6.0)
    checkpoint = {
        "state_dict": {"b": torch.randn(2, 3), "a": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)},
        "shared": [shared, shared, shared.view(2, 3)],
        "kinds": (torch.tensor(3), torch.tensor(True), torch.randn(2).bfloat16(), torch.zeros(0, 4)),
        "optimizer": {"state": {0: {"step": torch.tensor(7.0)}, 1: {}}, "betas": (0.9, 0.999)},
        "loops": [{"done": True, "count": 3, "rate": 1e-3, "name": "x", "none": None}, [], (), {}],
        "looks like one": {"tensor": "0", "dict": [["a", 1]], "list": [1]},
        "infinite": [math.inf, -math.inf],
    }
    IO.save_checkpoint(checkpoint, path)
    assert same(IO.load_checkpoint(path), checkpoint)


def test_not_a_number_survives(path):
    IO.save_checkpoint({"loss": math.nan}, path)
    assert math.isnan(IO.load_checkpoint(path)["loss"])


def test_file_is_safetensors(path):
    IO.save_checkpoint({"epoch": 2, "w": torch.ones(4)}, path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header["0"] == {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    assert json.loads(header["__metadata__"]["tree"])
    assert len(content) == 8 + length + 16


def test_save_that_dies_half_way_leaves_the_previous_checkpoint(path, monkeypatch):
    IO.save_checkpoint({"epoch": 1}, path)

    def full_disk(_tensors, target, **_):
        Path(target).write_bytes(b"half a fi")
        raise OSError("no space left on device")

    monkeypatch.setattr("edge_train.fit.checkpoint.save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        IO.save_checkpoint({"epoch": 2}, path)
    assert IO.load_checkpoint(path) == {"epoch": 1}
    monkeypatch.undo()
    IO.save_checkpoint({"epoch": 3}, path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_only_pickle_could_hold_is_refused_and_the_previous_checkpoint_kept(path):
    IO.save_checkpoint({"epoch": 1}, path)
    with pytest.raises(TypeError, match="cannot hold a object"):
        IO.save_checkpoint({"epoch": 2, "callback": object()}, path)
    assert IO.load_checkpoint(path) == {"epoch": 1}


def truncated(path):
    path.write_bytes(path.read_bytes()[:-5])


def overwritten(path):
    path.write_bytes(b"\x80\x02}q\x00.")


def without_tree(path):
    save_file({"0": torch.ones(2)}, path)


def with_broken_tree(path):
    save_file({"0": torch.ones(2)}, path, metadata={"tree": '{"dict": ['})


def with_missing_tensor(path):
    save_file({"0": torch.ones(2)}, path, metadata={"tree": '{"tensor": "1"}'})


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        overwritten,
        without_tree,
        with_broken_tree,
        pytest.param(
            with_missing_tensor,
        ),
    ],
)
def test_damaged_file_is_refused(path, damage):
    IO.save_checkpoint({"w": torch.ones(64)}, path)
    damage(path)
    with pytest.raises(BundleError, match="is damaged") as caught:
        IO.load_checkpoint(path)
    assert "--resume" in caught.value.hint


def test_remove_is_content_with_a_missing_file(path):
    IO.save_checkpoint({}, path)
    IO.remove_checkpoint(path)
    IO.remove_checkpoint(path)
    assert not path.exists()
