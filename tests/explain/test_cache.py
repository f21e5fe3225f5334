"""A cached explanation equals the fresh one; what is damaged, changed or old is made again."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from edge_explain import Cache, Regions, Trust
from edge_explain.cache import RECORD, SUMS, default_folder, key
from edge_explain.explanation import ExplanationParts, MapParity
from edge_explain.packing import pack, unpack

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b.c": np.array([[1, 2]], np.int64)}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "explanations", entries=3)


def test_what_is_stored_is_loaded(cache):
    assert cache.load("name") is None
    cache.store("name", b"{}", ARRAYS)
    record, arrays = cache.load("name")
    assert record == b"{}"
    assert {name: (array.dtype, array.tolist()) for name, array in arrays.items()} == {
        name: (array.dtype, array.tolist()) for name, array in ARRAYS.items()
    }


def test_only_this_user_may_look(cache):
    cache.store("name", b"{}", ARRAYS)
    assert cache.folder.stat().st_mode & 0o077 == 0
    assert (cache.folder / "name").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("file", [RECORD, "a.npy", SUMS])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_damage_is_a_miss_and_is_cleared(cache, file, damage):
    cache.store("name", b'{"x": 1}', ARRAYS)
    path = cache.folder / "name" / file
    data = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(data[:-3] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    assert cache.load("name") is None
    assert not (cache.folder / "name").exists()


def seal(sums, path, name):
    """Have the sums name a file as it is now."""
    lines = [line for line in sums.read_text().splitlines() if not line.endswith(f"  {name}")]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sums.write_text("\n".join([*lines, f"{digest}  {name}"]) + "\n")


def test_sums_that_lead_elsewhere_are_refused(cache, tmp_path):
    cache.store("name", b"{}", ARRAYS)
    np.save(tmp_path / "secret.npy", np.zeros(3))
    seal(cache.folder / "name" / SUMS, tmp_path / "secret.npy", "../../secret.npy")
    assert cache.load("name") is None
    assert (tmp_path / "secret.npy").exists()


def test_arrays_of_objects_are_refused(cache):
    cache.store("name", b"{}", ARRAYS)
    path = cache.folder / "name" / "a.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    seal(cache.folder / "name" / SUMS, path, "a.npy")
    assert cache.load("name") is None


def test_least_recently_used_go_first(cache):
    for age, name in enumerate("abc"):
        cache.store(name, b"{}", {})
        os.utime(cache.folder / name, (age, age))
    assert cache.load("a")
    cache.store("d", b"{}", {})
    assert {path.name for path in cache.folder.iterdir()} == {"a", "c", "d"}


def test_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "explanations")
    cache.store("name", b"{}", ARRAYS)
    assert cache.load("name") is None


def test_place_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "edge-run" / "explanations"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_folder().is_absolute()


def test_key_depends_on_every_part_and_on_no_order():
    assert key({"a": "1", "b": "2"}) == key({"b": "2", "a": "1"})
    assert len({key({"a": "1", "b": "2"}), key({"a": "2", "b": "1"}), key({"a": "12", "b": ""})}) == 3


@pytest.mark.parametrize("quick", [False, True])
def test_parts_survive_their_packing(quick):
    regions = Regions(np.array([[0, 1]]), np.array([0.25, -0.5]), 0.1, 0.9, 1e-9, 7)
    map_ = np.array([[1, -2]], np.float32)
    trust = Trust(None, None, {"x": 0.5}, {}, {}, 0.1, 0.2, {}, ("look",))
    parts = ExplanationParts(
        {"covid": 0.25}, {"x": map_}, map_, {"x": map_ * 2}, {"x": MapParity(1.0, 0.0)},
        {} if quick else {"x": map_ * 3}, {} if quick else {"x": 0.01}, None if quick else regions, trust,
    )  # fmt: skip
    found = unpack(*pack(parts))
    assert (found.originals, found.parity, found.completeness, found.trust) == (
        parts.originals,
        parts.parity,
        parts.completeness,
        trust,
    )
    for kind in ("maps", "grad_cams", "shap"):
        assert {arch: array.tolist() for arch, array in getattr(found, kind).items()} == {
            arch: array.tolist() for arch, array in getattr(parts, kind).items()
        }
    assert found.ensemble_map.tolist() == map_.tolist()
    assert (found.regions is None) == quick
    if found.regions:
        assert found.regions.segments.tolist() == [[0, 1]]
        assert (found.regions.gap, found.regions.evaluations) == (1e-9, 7)
