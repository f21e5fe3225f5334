from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from edge_run import BackendError, BundleError, Ensemble, InputError, UsageError, read
from edge_run.bundle.bundle import Bundle
from toy import png, replace_file, scan, toy_model, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "models/googlenet.int8-cpu.onnx"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy")


@pytest.fixture(scope="module")
def ensemble(folder: Path) -> Iterator[Ensemble]:
    with Ensemble.load(folder) as loaded:
        yield loaded


def by_hand(folder: Path, precision: str, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Members' probabilities and their vote, with nothing of edge-run but the manifest."""
    manifest = Bundle(folder).manifest
    small = cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA)[np.newaxis, np.newaxis]
    members = []
    for member in manifest.members:
        artefact = member.artefacts[precision]
        session = ort.InferenceSession(folder / artefact.file.path, providers=["CPUExecutionProvider"])
        exponent = np.exp(session.run(["logits"], {"scan": small})[0][0].astype(float) / artefact.temperature)
        members.append(exponent / exponent.sum())
    voted = sum(member.weight * p for member, p in zip(manifest.members, members, strict=True))
    return np.array(members), voted


@pytest.mark.parametrize("precision", ["fp32", "int8-cpu"])
def test_vote_is_what_it_is_by_hand(folder: Path, precision: str) -> None:
    members, voted = by_hand(folder, precision, scan(7))
    with Ensemble.load(folder, precision=precision) as loaded:
        prediction = loaded.predict(scan(7))
    decision = prediction.decision
    assert list(decision.probabilities.values()) == pytest.approx(voted, abs=1e-6)
    assert [m.weight for m in decision.members] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    for said, expected in zip(decision.members, members, strict=True):
        assert list(said.probabilities.values()) == pytest.approx(expected, abs=1e-6)
    assert decision.probability == decision.probabilities[decision.label]
    assert decision.label == ("covid" if voted[0] >= 0.5 else "non_covid")
    assert prediction.source.precision == precision


def test_path_bytes_array_and_scan_agree(ensemble: Ensemble, tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(png(scan(2)))
    given = [path, str(path), path.read_bytes(), scan(2), read(path)]
    answers = [ensemble.predict(one) for one in given]
    assert all(answer.decision == answers[0].decision for answer in answers)
    assert [answer.path for answer in answers] == [str(path), str(path), "", "", ""]
    encoded = {answers[n].scan_sha256 for n in (0, 1, 2, 4)}
    assert len(encoded) == 1
    assert answers[0].steps == ("decoded PNG 8-bit grey 70x90",)


def test_answer_says_where_it_comes_from(ensemble: Ensemble, folder: Path) -> None:
    prediction = ensemble.predict(scan())
    assert prediction.source == ensemble.source
    assert (ensemble.source.bundle, ensemble.source.backend, ensemble.source.precision) == ("toy", "cpu", "int8-cpu")
    assert ensemble.source.bundle_sha256 == Bundle(folder).sha256
    assert set(prediction.timing_ms) == {"read", "infer"}


def test_what_is_no_image_is_an_input_error(ensemble: Ensemble) -> None:
    with pytest.raises(InputError):
        ensemble.predict(b"no image")


def test_several_scans_are_decided_as_each_by_itself(ensemble: Ensemble) -> None:
    batch = Bundle(ensemble.bundle.path).read_array(ensemble.manifest.reference.scans)
    together = [vote.decision for vote in ensemble.vote(batch)]
    for n, decision in enumerate(together):
        (alone,) = ensemble.vote(batch[n : n + 1])
        assert alone.decision.probabilities == pytest.approx(decision.probabilities, abs=1e-6)
    assert ensemble.probabilities(batch).shape == (4, 3, 2)
    assert [out.logits.shape for out in ensemble.outputs(batch)] == [(3, 2)] * 4


def test_fifty_answers_at_once_are_one_answer(ensemble: Ensemble) -> None:
    pixels = scan(11)
    with ThreadPoolExecutor(4) as callers:
        decisions = list(callers.map(lambda _: ensemble.predict(pixels).decision, range(50)))
    assert all(decision == decisions[0] for decision in decisions)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads_answers_alike(folder: Path, ensemble: Ensemble, threads: int) -> None:
    with Ensemble.load(folder, threads=threads) as loaded:
        found = loaded.predict(scan(3)).decision
    assert found.probabilities == pytest.approx(ensemble.predict(scan(3)).decision.probabilities, abs=1e-6)


def test_one_member_and_three_labels(tmp_path: Path) -> None:
    labels = ("covid", "pneumonia", "normal")
    with Ensemble.load(write_toy_bundle(tmp_path / "toy", members=1, labels=labels, size=64)) as loaded:
        decision = loaded.predict(scan()).decision
    assert tuple(decision.probabilities) == labels
    assert decision.label == max(decision.probabilities, key=decision.probabilities.__getitem__)


@pytest.mark.parametrize(("threshold", "label"), [(0.0, "covid"), (1.0, "non_covid")])
def test_label_follows_the_threshold(tmp_path: Path, threshold: float, label: str) -> None:
    def mutate(plain: dict[str, Any]) -> None:
        plain["task"]["threshold"] = threshold

    with Ensemble.load(write_toy_bundle(tmp_path / "toy", mutate=mutate)) as loaded:
        assert {loaded.predict(scan(seed)).decision.label for seed in range(3)} == {label}


@pytest.mark.parametrize(("low_confidence", "names"), [(0.0, []), (1.0, ["low-confidence"])])
def test_unsure_answers_are_flagged(tmp_path: Path, low_confidence: float, names: list[str]) -> None:
    def mutate(plain: dict[str, Any]) -> None:
        for flags in plain["flags"].values():
            flags["low_confidence"] = low_confidence

    with Ensemble.load(write_toy_bundle(tmp_path / "toy", mutate=mutate)) as loaded:
        flags = loaded.predict(scan()).decision.flags
    assert [flag.name for flag in flags] == names
    assert all("sure, less than the 100% that is asked for" in flag.reason for flag in flags)


def test_precision_and_backend_are_chosen_before_anything_is_loaded(folder: Path) -> None:
    with pytest.raises(UsageError, match="no precision 'fp8'"):
        Ensemble.load(folder, precision="fp8")
    with pytest.raises(UsageError, match="backend 'abacus' is unknown"):
        Ensemble.load(folder, backend="abacus")


def test_other_batches_are_a_mistake_of_the_caller(ensemble: Ensemble) -> None:
    with pytest.raises(ValueError, match=r"takes \[N, 1, 32, 32\] uint8, got \[1, 1, 64, 64\] uint8"):
        ensemble.vote(np.zeros((1, 1, 64, 64), np.uint8))


# Networks that are not what they should be


def with_model(folder: Path, model: bytes) -> Path:
    write_toy_bundle(folder, members=2)
    replace_file(folder, MODEL, model)
    return folder


def test_network_that_answers_nan_is_refused(tmp_path: Path) -> None:
    with (
        Ensemble.load(with_model(tmp_path / "toy", toy_model(bias=np.nan))) as loaded,
        pytest.raises(BundleError, match=r"googlenet\.int8-cpu on cpu returns logits that are not finite"),
    ):
        loaded.predict(scan())


def test_network_of_other_labels_is_refused(tmp_path: Path) -> None:
    with (
        Ensemble.load(with_model(tmp_path / "toy", toy_model(classes=3))) as loaded,
        pytest.raises(
            BundleError, match=r"googlenet\.int8-cpu on cpu returns logits of \[1, 3\] float32, expected \[1, 2\]"
        ),
    ):
        loaded.predict(scan())


def test_network_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        Ensemble.load(with_model(tmp_path / "toy", toy_model(size=64))) as loaded,
        pytest.raises(BackendError, match=r"googlenet\.int8-cpu fails in ONNX Runtime"),
    ):
        loaded.predict(scan())


# Opening and closing


def members_alive() -> int:
    return sum(thread.name.startswith("member") for thread in threading.enumerate())


def test_leaving_the_block_ends_threads_and_networks(folder: Path) -> None:
    before = members_alive()
    with Ensemble.load(folder, threads=2) as loaded:
        assert members_alive() > before
    assert members_alive() == before
    assert repr(loaded).endswith("on cpu, closed)")
    with pytest.raises(UsageError, match="this ensemble is closed\nhint: load another"):
        loaded.predict(scan())
    loaded.close()


def test_failed_loading_leaves_no_threads(tmp_path: Path) -> None:
    before = members_alive()
    with pytest.raises(BackendError, match=r"cannot load googlenet\.int8-cpu"):
        Ensemble.load(with_model(tmp_path / "toy", b"no model"))
    assert members_alive() == before
