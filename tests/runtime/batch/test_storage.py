"""Object stores by URL, on fsspec's store in memory; and credentials, which are never written."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import pytest

from edge_run.batch import storage
from edge_run.batch.storage import find, load, without_secrets
from edge_run.errors import BackendError, InputError, UsageError
from toy import edge_run, png, scan, write_toy_bundle

fsspec = pytest.importorskip("fsspec")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bucket() -> Iterator[str]:
    """``memory://ward`` with three scans, a copy, a damaged one and what is no image."""
    store = fsspec.filesystem("memory")
    for n in range(3):
        store.pipe_file(f"/ward/day/{n}.png", png(scan(n)))
    store.pipe_file("/ward/copy.png", png(scan(0)))
    store.pipe_file("/ward/cut.png", png(scan(1))[:500])
    store.pipe_file("/ward/notes.txt", b"no image")
    store.pipe_file("/ward/00001", b"digits, and no DICOM")
    yield "memory://ward"
    store.rm("/ward", recursive=True)


def test_objects_are_found_below_a_folder_and_by_a_glob(bucket: str) -> None:
    assert [one.url for one in find(bucket)] == [
        f"memory:///ward/{name}" for name in ("copy.png", "cut.png", "day/0.png", "day/1.png", "day/2.png")
    ]
    assert len(list(find(f"{bucket}/day/*.png"))) == 3
    assert [one.url for one in find(f"{bucket}/day/1.png")] == ["memory:///ward/day/1.png"]


def test_archive_of_a_store_gives_the_answers_of_files(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", members=2)
    for number in (1, 2):
        done = edge_run(
            capsys, "batch", bucket, "--out", tmp_path / "out", "--bundle", bundle, "--shard", f"{number}/2"
        )
        assert done.code == 0, done.err
    done = edge_run(capsys, "batch", "merge", tmp_path / "out", "--json")
    found = json.loads(done.out)
    assert (found["answered"], found["errors"], found["copies"], found["missing"]) == (4, 1, 1, 0)
    local = tmp_path / "scan.png"
    local.write_bytes(png(scan(2)))
    predicted = json.loads(edge_run(capsys, "predict", local, "--bundle", bundle, "--no-case-log", "--json").out)[0]
    rows = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_bytes().splitlines()]
    row = next(row for row in rows if row["path"].endswith("day/2.png"))
    del predicted["timing_ms"]
    assert row == predicted | {"path": "memory:///ward/day/2.png"}


def test_nothing_there_is_a_row_with_an_error(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    done = edge_run(capsys, "batch", f"{bucket}/none", "--out", tmp_path / "out", "--bundle", bundle, "--json")
    assert json.loads(done.out)["errors"] == 1
    with pytest.raises(InputError, match="does not exist"):
        load(f"{bucket}/none.png")


def test_object_over_the_limit_is_refused(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="over the limit"):
        load(f"{bucket}/day/0.png")


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAEXAMPLE:verysecretkey@bucket/scans",
        "https://host/scan.png?X-Amz-Signature=verysecretkey",
        "https://host/scan.png?a=1&sig=verysecretkey",
        "abfs://container/scan?account_key=verysecretkey",
    ],
)
def test_url_with_credentials_is_refused_and_not_repeated(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = edge_run(capsys, "batch", url, "--out", tmp_path)
    assert done.code == 2
    assert "verysecretkey" not in done.out + done.err
    assert not any(b"verysecretkey" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_a_driver_says_is_written_without_secrets(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecretkey")

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError("403 for the key verysecretkey")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "open", refuse)
    with pytest.raises(InputError, match=r"403 for the key \*\*\*"):
        load(f"{bucket}/day/0.png")
    assert without_secrets("verysecretkey") == "***"


def test_missing_driver_and_unknown_scheme_are_named() -> None:
    with pytest.raises(UsageError, match="no driver knows"):
        load("nosuchscheme://bucket/scan.png")
    if not importlib.util.find_spec("s3fs"):
        with pytest.raises(BackendError) as caught:
            load("s3://bucket/scan.png")
        assert "s3fs" in caught.value.hint
