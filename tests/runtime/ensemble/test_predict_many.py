"""Many scans: in order, a few at a time, reading beside inference, and nobody stopped by a neighbour."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from edge_run import BackendError, Ensemble, InputError
from edge_run.ensemble.predict_many import MAX_READERS, ScanResult, batch_plan
from edge_run.scan import read as image
from edge_run.scan.dicom.series import Series
from edge_run.scan.inputs import Input, expand
from toy import png, scan, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 30


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    with Ensemble.load(write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)) as loaded:
        yield loaded


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Twelve scans, of which the fourth and the last are none."""
    paths = [tmp_path / f"{n:02}.png" for n in range(12)]
    for n, path in enumerate(paths):
        path.write_bytes(b"no image" if n in (3, 11) else png(scan(n)))
    return paths


def inputs(paths: list[Path]) -> list[Input]:
    return expand([str(path) for path in paths])


@pytest.mark.parametrize("batch", [None, 1, 4, 20])
def test_answers_are_those_of_single_scans_in_order(ensemble: Ensemble, scans: list[Path], batch: int | None) -> None:
    answers = list(ensemble.predict_many(inputs(scans), batch=batch))
    assert [answer.input.path for answer in answers] == scans
    for n, (path, answer) in enumerate(zip(scans, answers, strict=True)):
        if n in (3, 11):
            assert isinstance(answer.outcome, InputError)
            continue
        assert not isinstance(answer.outcome, InputError)
        alone = ensemble.predict(path)
        assert answer.outcome.path == str(path)
        assert answer.outcome.decision.probabilities == pytest.approx(alone.decision.probabilities)
        assert answer.outcome.decision.flags == alone.decision.flags
        assert (answer.outcome.scan_sha256, answer.outcome.steps) == (alone.scan_sha256, alone.steps)
        assert answer.outcome.source == alone.source
        assert set(answer.outcome.timing_ms) == {"read", "infer"}


def test_batches_have_the_size_asked_for(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    decide = ensemble.vote

    def counted(batch: Any, pixels: Any, **options: Any) -> Any:
        sizes.append(len(batch))
        return decide(batch, pixels, **options)

    monkeypatch.setattr(ensemble, "vote", counted)
    list(ensemble.predict_many(inputs(scans), batch=4))
    assert sorted(sizes) == [3, 3, 4]


def test_input_that_stands_for_nothing(ensemble: Ensemble) -> None:
    error = InputError("a glob matches nothing")
    assert list(ensemble.predict_many([Input("*.png", None, error)])) == [
        ScanResult(Input("*.png", None, error), error)
    ]
    assert list(ensemble.predict_many([])) == []


def test_frames_of_a_file_are_numbered(ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read_bytes = image.read_bytes

    def reading(data: bytes, name: str, **_: Any) -> tuple[image.Scan, ...]:
        (read,), several = read_bytes(data), name == str(scans[1])
        return tuple(dataclasses.replace(read, series=Series(frame=n)) for n in (1, 2, 3)) if several else (read,)

    monkeypatch.setattr(image, "read_bytes", reading)
    answers = list(ensemble.predict_many(inputs(scans[:3]), batch=2))
    names = [answer.outcome.path for answer in answers if not isinstance(answer.outcome, InputError)]
    assert names == [str(scans[0]), *(f"{scans[1]}#{n}" for n in (1, 2, 3)), str(scans[2])]
    assert [answer.series and answer.series.frame for answer in answers] == [None, 1, 2, 3, None]
    assert [answer.last for answer in answers] == [True, False, False, True, True]
    assert [answer.input.path for answer in answers] == [scans[0], *[scans[1]] * 3, scans[2]]


@pytest.mark.parametrize("batch", [1, 8])
def test_only_a_few_scans_are_held(ensemble: Ensemble, scans: list[Path], batch: int) -> None:
    taken = 0

    def endless() -> Iterator[Input]:
        nonlocal taken
        while True:
            taken += 1
            yield from inputs(scans[:1])

    answers = ensemble.predict_many(endless(), batch=batch)
    at_once = batch_plan(ensemble.backend, batch).at_once
    for done in range(40):
        next(answers)
        assert taken - done <= batch * (at_once + 2) + MAX_READERS + 1
    answers.close()  # type: ignore[attr-defined]


def test_next_scans_are_read_while_one_is_decided(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    third_read = threading.Event()
    decide, read_bytes = ensemble.vote, image.read_bytes

    def reading(data: bytes, name: str, **options: Any) -> tuple[image.Scan, ...]:
        if name == str(scans[2]):
            third_read.set()
        return read_bytes(data, name, **options)

    def deciding(batch: Any, pixels: Any, **options: Any) -> Any:
        assert third_read.wait(PATIENCE_S)
        return decide(batch, pixels, **options)

    monkeypatch.setattr(image, "read_bytes", reading)
    monkeypatch.setattr(ensemble, "vote", deciding)
    assert len(list(ensemble.predict_many(inputs(scans[:3])))) == 3


def test_members_answer_two_scans_at_once_on_a_cpu(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, decide = threading.Barrier(2, timeout=PATIENCE_S), ensemble.vote

    def deciding(batch: Any, pixels: Any, **options: Any) -> Any:
        both.wait()
        return decide(batch, pixels, **options)

    monkeypatch.setattr(ensemble, "vote", deciding)
    assert len(list(ensemble.predict_many(inputs(scans[:2])))) == 2


@pytest.mark.parametrize(("backend", "expected"), [("cpu", (1, 2)), ("openvino", (1, 2)), ("tensorrt", (8, 1))])
def test_engines_on_a_gpu_are_called_once_at_a_time(backend: str, expected: tuple[int, int]) -> None:
    assert batch_plan(backend) == expected


def test_backend_that_fails_stops_everything(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, left = ensemble.vote, iter(range(2))

    def failing(batch: Any, pixels: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise BackendError("the device is gone")
        return decide(batch, pixels, **options)

    monkeypatch.setattr(ensemble, "vote", failing)
    answers = ensemble.predict_many(inputs(scans))
    with pytest.raises(BackendError, match="the device is gone"):
        list(answers)
    assert next(answers, None) is None


def test_nothing_is_decided_once_the_reader_has_left(ensemble: Ensemble, scans: list[Path]) -> None:
    answers = ensemble.predict_many(inputs(scans))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("predict")]


def test_encoded_file_is_handed_on_where_it_is_asked_for(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(scans[1].read_bytes())))
    given = [*inputs(scans[:1]), Input("-", None)]
    assert [answer.data for answer in ensemble.predict_many(given, keep_data=True)] == [
        scans[0].read_bytes(),
        scans[1].read_bytes(),
    ]
    assert [answer.data for answer in ensemble.predict_many(inputs(scans[:1]))] == [None]


def test_a_file_that_changes_after_it_was_read_is_handed_on_as_it_was_read(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes, before = image.read_bytes, scans[0].read_bytes()

    def reading(data: bytes, name: str, **options: Any) -> tuple[image.Scan, ...]:
        scans[0].write_bytes(png(scan(99)))
        return read_bytes(data, name, **options)

    monkeypatch.setattr(image, "read_bytes", reading)
    (answer,) = ensemble.predict_many(inputs(scans[:1]), keep_data=True)
    assert answer.data == before
    assert not isinstance(answer.outcome, InputError)
    assert answer.outcome.scan_sha256 == hashlib.sha256(before).hexdigest()


def test_a_scan_that_needs_a_package_stops_no_other(
    ensemble: Ensemble, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = image.read_bytes

    def reading(data: bytes, name: str, **options: Any) -> tuple[image.Scan, ...]:
        if name == str(scans[0]):
            raise BackendError("reading it needs a package, which is not installed", hint="pip install it")
        return read_bytes(data, name, **options)

    monkeypatch.setattr(image, "read_bytes", reading)
    first, second = ensemble.predict_many([Input("a", scans[0]), Input("b", scans[1])])
    assert isinstance(first.outcome, InputError)
    assert first.outcome.hint == "To read it: pip install it"
    assert not isinstance(second.outcome, InputError)
