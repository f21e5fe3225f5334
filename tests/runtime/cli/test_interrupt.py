"""Ctrl-C: exit code 130, and a word on what is kept."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from edge_run import Ensemble
from edge_run.cli._interrupt import Interrupted, saying_what_is_kept
from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    Capsys = pytest.CaptureFixture[str]


def interrupting_after(answers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C once so many scans are answered."""
    real = Ensemble.predict_many

    def few(self: Ensemble, *arguments: object, **options: object) -> object:
        yield from itertools.islice(real(self, *arguments, **options), answers)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(Ensemble, "predict_many", few)


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", None])
def test_answers_so_far_are_written_and_counted(
    capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str | None
) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", members=1)
    (tmp_path / "scans").mkdir()
    for n in range(4):
        (tmp_path / "scans" / f"{n}.png").write_bytes(png(scan(n)))
    interrupting_after(3, monkeypatch)
    answered = edge_run(capsys, "predict", tmp_path / "scans", "--bundle", bundle, *([form] if form else []))
    assert answered.code == 130
    assert "interrupted: 3 of 4 inputs were answered; their cases are in the case log" in answered.err
    assert all(f"{n}.png" in answered.out for n in range(3))
    if form == "--json":
        assert len(json.loads(answered.out)) == 3


def test_lightning_which_catches_it_leaves_with_130_too() -> None:
    def train() -> None:
        try:
            raise KeyboardInterrupt  # noqa: TRY301
        except KeyboardInterrupt:
            raise SystemExit(1)  # noqa: B904 - as Lightning does

    with pytest.raises(Interrupted, match="go on"), saying_what_is_kept(lambda: "go on"):
        train()


def test_other_exits_stay_as_they_are() -> None:
    with pytest.raises(SystemExit), saying_what_is_kept(lambda: ""):
        raise SystemExit(0)


def test_commands_that_keep_nothing_say_so_in_one_word(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge_run.doctor.examine", interrupted)
    assert edge_run(capsys, "doctor") == (130, "", "\ninterrupted\n")
