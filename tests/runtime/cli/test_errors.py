"""Exit codes, and what is said with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from edge_run import Ensemble, __version__
from toy import edge_run, png, replace_file, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    Capsys = pytest.CaptureFixture[str]

COMMANDS = (
    "predict", "watch", "explain", "cases", "train", "evaluate", "export", "compile", "bundles", "info", "verify",
    "bench", "doctor",
)  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=1)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(png(scan()))
    return path


def test_version(capsys: Capsys) -> None:
    assert edge_run(capsys, "--version") == (0, f"{__version__}\n", "")


def test_help_names_every_command(capsys: Capsys) -> None:
    answered = edge_run(capsys, "--help")
    assert (answered.code, answered.err) == (0, "")
    for name in COMMANDS:
        assert f"\n  {name} " in answered.out
    assert "...\n" not in answered.out.partition("\n\n")[2], "a summary is too long for its line"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(capsys: Capsys, command: str) -> None:
    answered = edge_run(capsys, command, "-h")
    assert (answered.code, answered.err) == (0, "")
    assert f"Usage: edge-run {command}" in answered.out


@pytest.mark.parametrize(
    "arguments", [["predictt"], ["evaluate"], ["predict", "x.png", "--threads", "0"], ["predict", "x.png", "--what"]]
)
def test_misspelt_is_2(capsys: Capsys, arguments: list[str]) -> None:
    answered = edge_run(capsys, *arguments)
    assert (answered.code, answered.out) == (2, "")
    assert answered.err.startswith("error: ")
    assert "  hint: edge-run" in answered.err


def test_misspelt_command_is_named_right(capsys: Capsys) -> None:
    assert "did you mean 'predict'?" in edge_run(capsys, "predictt").err.lower()


@pytest.mark.parametrize("command", [[], ["cases"]])
def test_nothing_at_all_is_help(capsys: Capsys, command: list[str]) -> None:
    answered = edge_run(capsys, *command)
    assert (answered.code, answered.out) == (2, "")
    assert "Usage: " in answered.err
    assert "  verify " in answered.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "DATA", "--out", "RUN", "--balance", "foo"], "'foo' is not one of 'loss', 'none'"),
        (
            ["train", "DATA", "--out", "RUN", "--arithmetic", "foo"],
            "'foo' is not one of 'auto', 'bf16-mixed', '32-true'",
        ),
        (["evaluate", "RUN", "DATA", "--split", "foo"], "'foo' is not one of 'train', 'val', 'test'"),
        (["export", "RUN", "DATA", "--out", "B", "--calibration", "foo"], "'foo' is not one of 'minmax'"),
        (["export", "RUN", "DATA", "--out", "B", "--modality", "foo"], "'foo' is not one of 'CT'"),
    ],
)
def test_choices_are_named(capsys: Capsys, arguments: list[str], words: str) -> None:
    answered = edge_run(capsys, *arguments)
    assert (answered.code, answered.out) == (2, "")
    assert words in answered.err
    assert answered.err.endswith(f"hint: edge-run {arguments[0]} --help\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--precision", "fp8"], ["no precision 'fp8'", "choose from fp32, int8-cpu"]),
        (["--backend", "abacus"], ["backend 'abacus' is unknown", "choose from auto, tensorrt"]),
    ],
)
def test_unknown_choice_is_2(capsys: Capsys, bundle: Path, image: Path, options: list[str], words: list[str]) -> None:
    answered = edge_run(capsys, "predict", image, "--bundle", bundle, *options)
    assert (answered.code, answered.out) == (2, "")
    assert answered.err.startswith("error: ")
    assert all(word in answered.err for word in words)


@pytest.mark.parametrize("command", ["predict", "verify"])
def test_missing_bundle_is_4(capsys: Capsys, image: Path, tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    arguments = [image, "--bundle", gone] if command == "predict" else [gone]
    answered = edge_run(capsys, command, *arguments)
    assert (answered.code, answered.out) == (4, "")
    assert answered.err == (
        f"error: there is no bundle at {gone}\n"
        "  hint: give a bundle's folder or .zip, or the name of an installed bundle\n"
    )


def test_damaged_bundle_is_4_and_answers_nothing(capsys: Capsys, image: Path, tmp_path: Path) -> None:
    damaged = write_toy_bundle(tmp_path / "toy", members=2)
    (damaged / "models/googlenet.int8-cpu.onnx").write_bytes(b"?")
    answered = edge_run(capsys, "predict", image, "--bundle", damaged)
    assert (answered.code, answered.out) == (4, "")
    assert "is not the file its manifest names" in answered.err


def test_network_that_does_not_load_is_5(capsys: Capsys, image: Path, tmp_path: Path) -> None:
    damaged = write_toy_bundle(tmp_path / "toy", members=1)
    replace_file(damaged, "models/resnet18.int8-cpu.onnx", b"no model")
    answered = edge_run(capsys, "predict", image, "--bundle", damaged)
    assert (answered.code, answered.out) == (5, "")
    assert "cannot load resnet18.int8-cpu" in answered.err


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(Ensemble, "vote", fail)


@pytest.mark.usefixtures("fault")
def test_unexpected_is_1_with_a_hint(
    capsys: Capsys, bundle: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGE_RUN_DEBUG", raising=False)
    answered = edge_run(capsys, "predict", image, "--bundle", bundle)
    assert answered == (
        1,
        "",
        "error: unexpected ZeroDivisionError: by chance\n  hint: EDGE_RUN_DEBUG=1 shows where it happened\n",
    )


@pytest.mark.usefixtures("fault")
def test_unexpected_is_shown_when_asked(
    capsys: Capsys, bundle: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_RUN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError, match="by chance"):
        edge_run(capsys, "predict", image, "--bundle", bundle)


@pytest.mark.parametrize(
    ("arguments", "blocked", "extra"),
    [
        (["train", "DATA", "--out", "RUN"], "edge_train", "train"),
        (["evaluate", "RUN", "DATA"], "matplotlib", "train"),
        (["export", "RUN", "DATA", "--out", "BUNDLE"], "edge_export", "export"),
    ],
)
def test_missing_extra_is_5_and_says_how_to_get_it(
    capsys: Capsys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    blocked: str,
    extra: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, blocked, None)
    answered = edge_run(capsys, *arguments)
    assert (answered.code, answered.out) == (5, "")
    assert answered.err == (
        f"error: this command needs {blocked}, which is not installed\n  hint: pip install 'edge-run[{extra}]'\n"
    )
    assert not any(tmp_path.iterdir())
