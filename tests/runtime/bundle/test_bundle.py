"""A bundle is other people's bytes: what is opened, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_run import Bundle, BundleError, Ensemble
from edge_run.bundle import installed
from edge_run.bundle.bundle import MAX_MANIFEST_BYTES
from edge_run.bundle.manifest import File
from toy import npy, replace_file, scan, write_toy_bundle, zip_folder

MODEL = "models/resnet18.int8-cpu.onnx"
HEAD = "models/resnet18.head.npy"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "toy"))


def refuses(path: Path, words: str) -> None:
    """Opening and loading together are refused, with these words and a way out."""
    with pytest.raises(BundleError, match=words) as caught:
        Ensemble.load(path).close()
    assert caught.value.hint
    assert caught.value.exit_code == 4


def entry(folder: Path, path: str) -> File:
    data = (folder / path).read_bytes()
    return File(path, hashlib.sha256(data).hexdigest(), len(data))


def edit(folder: Path, change: bytes, into: bytes) -> None:
    raw = (folder / "bundle.json").read_bytes()
    assert change in raw
    (folder / "bundle.json").write_bytes(raw.replace(change, into, 1))


# What is opened


def test_folder_zip_and_zip_with_a_top_folder_answer_alike(folder: Path) -> None:
    answers = []
    for path in (folder, zip_folder(folder), zip_folder(folder, top="toy/")):
        with Ensemble.load(path) as ensemble:
            answers.append(ensemble.predict(scan(5)))
    assert answers[0].decision == answers[1].decision == answers[2].decision
    assert len({answer.source for answer in answers}) == 1


def test_its_hash_is_that_of_the_manifest(folder: Path) -> None:
    assert Bundle(folder).sha256 == hashlib.sha256((folder / "bundle.json").read_bytes()).hexdigest()


def test_link_within_the_bundle_is_followed(folder: Path) -> None:
    (folder / MODEL).rename(folder / "elsewhere.onnx")
    (folder / MODEL).symlink_to(folder / "elsewhere.onnx")
    Ensemble.load(folder).close()


def test_relative_path_and_linked_folder_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.parent / "linked").symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    assert Bundle("toy").sha256 == Bundle("linked").sha256


def test_name_means_the_built_in_one_unless_there_is_such_a_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "BUILT_IN", tmp_path)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert Bundle("toy").path == folder
    write_toy_bundle(tmp_path / "work" / "toy", members=1)
    assert len(Bundle("toy").manifest.members) == 1


def test_zip_is_read_side_by_side(folder: Path) -> None:
    path = zip_folder(folder)
    for _ in range(10):
        Ensemble.load(path, threads=4).close()


# Where there is none


def test_nothing_there(tmp_path: Path) -> None:
    refuses(tmp_path / "gone", "there is no bundle at")


def test_name_too_long_for_a_file_system() -> None:
    refuses(Path("x" * 5000), "cannot be looked at: File name too long|there is no bundle at")


def test_pipe_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refuses(tmp_path / "pipe", "there is no bundle at")


def test_empty_folder(tmp_path: Path) -> None:
    refuses(tmp_path, "bundle.json of the bundle .* cannot be read: No such file")


@pytest.mark.parametrize("data", [b"", b"a text", b"PK\x03\x04 and then nothing"])
def test_file_that_is_no_zip(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "toy.zip").write_bytes(data)
    refuses(tmp_path / "toy.zip", "neither a folder nor a readable zip")


def test_zip_without_manifest(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
        archive.writestr("readme.txt", "no bundle")
    refuses(tmp_path / "toy.zip", "bundle.json is missing in")


# Files that are not what the manifest says


def test_changed_file(folder: Path) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / MODEL).write_bytes(data)
    refuses(folder, f"{MODEL} of .* is not the file its manifest names")


def test_longer_file(folder: Path) -> None:
    with (folder / MODEL).open("ab") as file:
        file.write(b"\0")
    refuses(folder, f"{MODEL} is longer than the")


def test_shorter_file(folder: Path) -> None:
    data = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes(data[:-1])
    refuses(folder, f"is not the file its manifest names .{len(data) - 1} of {len(data)} bytes")


def test_missing_file(folder: Path) -> None:
    (folder / MODEL).unlink()
    refuses(folder, f"{MODEL} of the bundle .* cannot be read: No such file")
    refuses(zip_folder(folder), f"{MODEL} is missing in")


def test_file_of_another_precision_is_not_asked_for(folder: Path) -> None:
    (folder / "models/resnet18.fp32.onnx").unlink()
    Ensemble.load(folder, precision="int8-cpu").close()


def test_link_that_leads_out_even_to_the_right_bytes(folder: Path, tmp_path: Path) -> None:
    (folder / MODEL).rename(tmp_path / "outside.onnx")
    (folder / MODEL).symlink_to(tmp_path / "outside.onnx")
    refuses(folder, f"{MODEL} leads out of the bundle")


def test_manifest_that_is_a_link_out(folder: Path, tmp_path: Path) -> None:
    (folder / "bundle.json").rename(tmp_path / "outside.json")
    (folder / "bundle.json").symlink_to(tmp_path / "outside.json")
    refuses(folder, "bundle.json leads out of the bundle")


def test_links_in_a_circle(folder: Path) -> None:
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(folder / MODEL)
    refuses(folder, f"{MODEL} of the bundle .* cannot be read")


def test_pipe_in_the_place_of_a_file_is_not_waited_on(folder: Path) -> None:
    (folder / MODEL).unlink()
    os.mkfifo(folder / MODEL)
    refuses(folder, f"{MODEL} of the bundle .* is not a file")


# Zips


def test_zip_with_two_files_of_one_name(folder: Path) -> None:
    path = zip_folder(folder)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr("bundle.json", "{}")
    refuses(path, "holds two files of one name")


def test_bomb_is_not_inflated(folder: Path) -> None:
    claimed = (folder / MODEL).stat().st_size
    (folder / MODEL).write_bytes(bytes(16 * 2**20))
    bundle = Bundle(zip_folder(folder))
    file = bundle.manifest.members[0].artefacts["int8-cpu"].file
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match=f"{MODEL} is longer than the {claimed} bytes it may have"):
            bundle.read(file)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_zip_of_another_compression(folder: Path) -> None:
    path = folder.with_name("toy.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.write(folder / "bundle.json", "bundle.json")
    refuses(path, "compressed by another method than deflate")


def test_damaged_zip_is_refused_or_still_right(folder: Path) -> None:
    path = zip_folder(folder)
    whole = path.read_bytes()
    sound = Bundle(path).manifest
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.integers(0, len(whole), 80):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            bundle = Bundle(path)
            for member in bundle.manifest.members:
                bundle.read(member.artefacts["fp32"].file)
            assert bundle.manifest == sound
        except BundleError:
            refused += 1
    assert refused > 15


# Manifests that are no manifest


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "does not fit its schema"),
        (b"{", "does not fit its schema"),
        (b"[]", "names no schema version"),
        (b"{}", "names no schema version"),
        (b'{"schema_version": null}', "has schema version None, this edge-run reads 1 and 2"),
        (b'{"schema_version": 3}', "has schema version 3, this edge-run reads 1 and 2"),
        (b'{"schema_version": true}', "has schema version True, this edge-run reads 1 and 2"),
        (b'{"schema_version": "1"}', "has schema version '1', this edge-run reads 1 and 2"),
        (b'{"schema_version": 1}', "does not fit its schema: .*missing required field"),
        (b"[" * 100_000, "does not fit its schema: .*recursion"),
        (b'{"schema_version": 1, "name": ' + b"[" * 100_000, "does not fit its schema: .*recursion"),
        (b'{"schema_version": 1, "name": "\\ud800"}', "does not fit its schema"),
        (b'{"schema_version": 1, "name": "\xff"}', "does not fit its schema"),
        ('{"schema_version": 1}'.encode("utf-16"), "does not fit its schema"),
        (b"\x00" * 64, "does not fit its schema"),
    ],
)
def test_not_a_manifest(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "bundle.json").write_bytes(raw)
    refuses(tmp_path, words)


def test_manifest_over_the_cap_is_not_parsed(folder: Path) -> None:
    with (folder / "bundle.json").open("ab") as file:
        file.write(b" " * MAX_MANIFEST_BYTES)
    refuses(folder, f"bundle.json is longer than the {MAX_MANIFEST_BYTES} bytes")


@pytest.mark.parametrize("at", [b'"schema_version": 2', b'"arch": "resnet18"'])
def test_key_that_stands_twice(folder: Path, at: bytes) -> None:
    edit(folder, at, at + b", " + at)
    refuses(folder, "a key stands twice")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_number_that_is_none(folder: Path, number: bytes) -> None:
    edit(folder, b'"threshold": 0.5', b'"threshold": ' + number)
    refuses(folder, "does not fit its schema")


def test_damaged_manifest_is_refused_or_still_fits(folder: Path) -> None:
    whole = (folder / "bundle.json").read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for position in rng.integers(0, len(whole), 80):
        damaged = whole[:position] + rng.bytes(int(rng.integers(0, 3))) + whole[position + 1 :]
        (folder / "bundle.json").write_bytes(damaged)
        try:
            Bundle(folder)
        except BundleError:
            refused += 1
    assert refused > 25


# Arrays


def test_arrays_come_as_they_were(folder: Path) -> None:
    bundle = Bundle(folder)
    head = bundle.read_array(bundle.manifest.members[0].head)
    assert (head.shape, head.dtype) == ((2, 8), np.float32)
    assert bundle.read_array(bundle.manifest.reference.scans).shape == (3, 1, 32, 32)


class Boom:
    """Unpickled, it makes a folder."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.proof),)


def test_object_array_is_refused_and_never_unpickled(folder: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    buffer = io.BytesIO()
    np.save(buffer, np.array([Boom(proof)], dtype=object), allow_pickle=True)
    replace_file(folder, HEAD, buffer.getvalue())
    with pytest.raises(BundleError, match=f"{HEAD} of .* is not a plain array: Object arrays cannot be loaded"):
        Bundle(folder).read_array(entry(folder, HEAD))
    replace_file(folder, HEAD, pickle.dumps(Boom(proof)))
    with pytest.raises(BundleError, match="is not a plain array"):
        Bundle(folder).read_array(entry(folder, HEAD))
    assert not proof.exists()


def test_several_arrays_in_one_file_are_refused(folder: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(3))
    replace_file(folder, HEAD, buffer.getvalue())
    with pytest.raises(BundleError, match="is not a plain array"):
        Bundle(folder).read_array(entry(folder, HEAD))


def claiming(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + b"1234"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        npy(np.zeros(9))[:-8],
        claiming("(1000000000000000,)"),
        claiming("(-1,)"),
        claiming("(4"),
        claiming("'''"),
        claiming("(2**62, 2**62)"),
    ],
)
def test_damaged_array_is_refused(folder: Path, data: bytes) -> None:
    replace_file(folder, HEAD, data)
    with pytest.raises(BundleError, match="is not a plain array"):
        Bundle(folder).read_array(entry(folder, HEAD))


def test_sealed_again_it_is_another_bundle(folder: Path) -> None:
    before = Bundle(folder)
    replace_file(folder, HEAD, npy(np.ones((2, 8), np.float32)))
    after = Bundle(folder)
    assert after.sha256 != before.sha256
    assert json.loads((folder / "bundle.json").read_bytes())["name"] == "toy"


def test_zip_of_a_million_names_is_not_listed(tmp_path: Path) -> None:
    at = tmp_path / "names.zip"
    with zipfile.ZipFile(at, "w") as archive:
        for n in range(30_000):
            archive.writestr(f"{n}", b"")
    with pytest.raises(BundleError, match="list of files is longer"):
        Bundle(at)


def test_file_swapped_for_a_pipe_is_not_waited_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=1)
    resolve = type(folder).resolve

    def swap(path: Path, strict: bool = False) -> Path:
        found = resolve(path, strict)
        if path.name == "bundle.json" and found.is_file():
            found.unlink()
            os.mkfifo(found)
        return found

    monkeypatch.setattr(type(folder), "resolve", swap)
    with pytest.raises(BundleError, match="is not a file"):
        Bundle(folder)
