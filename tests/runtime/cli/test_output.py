"""The forms of ``edge-run predict``: each reads back, and each carries the same record."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run.cli.output import Progress, bar, visible
from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    Capsys = pytest.CaptureFixture[str]

FIELDS = {
    "path", "case", "label", "probability", "probabilities", "interval", "flags", "members", "measures", "bundle",
    "precision", "backend", "timing_ms",
}  # fmt: skip


MEMBER = {"id", "arch", "weight", "label", "probability", "probabilities", "logits"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def flagged(plain: dict) -> None:
        for thresholds in plain["flags"].values():
            thresholds["low_confidence"] = 1.0

    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2, mutate=flagged)


@pytest.fixture
def command(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of a good and a bad file, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.png").write_bytes(png(scan(1)))
    (tmp_path / "bad, very.png").write_bytes(b"no image")
    return ["predict", "good.png", "bad, very.png", "--bundle", str(bundle)]


def check(good: dict, bad: dict) -> None:
    """Hold records to the design, once nested values are read."""
    assert good.keys() >= FIELDS
    assert good["path"] == "good.png"
    assert set(good["probabilities"]) == {"covid", "non_covid"}
    assert good["probability"] == good["probabilities"][good["label"]]
    assert [flag["name"] for flag in good["flags"]] == ["low-confidence"]
    assert good["flags"][0]["reason"]
    assert [set(member) for member in good["members"]] == [MEMBER] * 2
    assert set(good["measures"]) == {"score", "confidence"}
    assert good["interval"] is None
    assert re.fullmatch(r"[0-9a-z]{12}", good["case"])
    assert (good["bundle"], good["precision"], good["backend"]) == ("toy", "int8-cpu", "cpu")
    assert good["timing_ms"]["total"] == pytest.approx(good["timing_ms"]["read"] + good["timing_ms"]["infer"])
    assert bad["path"] == "bad, very.png"
    assert bad["error"]["kind"] == "InputError"
    assert "bad, very.png" in bad["error"]["message"]


def test_json_is_one_array(capsys: Capsys, command: list[str]) -> None:
    answered = edge_run(capsys, *command, "--json")
    check(*json.loads(answered.out))
    assert answered.out.startswith("[\n  {")


def test_jsonl_is_one_record_a_line(capsys: Capsys, command: list[str]) -> None:
    lines = edge_run(capsys, *command, "--jsonl").out.splitlines()
    assert len(lines) == 2
    check(*map(json.loads, lines))


def test_csv_has_a_header_and_quotes(capsys: Capsys, command: list[str]) -> None:
    out = edge_run(capsys, *command, "--csv").out
    good, bad = csv.DictReader(io.StringIO(out))
    assert set(good) >= FIELDS - {"timing_ms"} | {"timing_ms.total", "error.kind", "error.message"}
    assert (good["path"], bad["path"]) == ("good.png", "bad, very.png")
    probabilities = json.loads(good["probabilities"])
    assert float(good["probability"]) == probabilities[good["label"]]
    assert json.loads(good["flags"])[0]["name"] == "low-confidence"
    assert len(json.loads(good["members"])) == 2
    assert json.loads(good["measures"])["confidence"] == max(probabilities.values())
    assert re.fullmatch(r"[0-9a-z]{12}", good["case"])
    assert float(good["timing_ms.total"]) > 0
    assert (good["error.kind"], good["interval"]) == ("", "")
    assert (bad["error.kind"], bad["label"], bad["probability"]) == ("InputError", "", "")


def test_text_says_it_to_a_person(capsys: Capsys, command: list[str]) -> None:
    record, _ = json.loads(edge_run(capsys, *command, "--json").out)
    answered = edge_run(capsys, *command)
    good, bad = answered.out.strip().split("\n\n")
    assert good.startswith(f"good.png\n  {record['label']}  {record['probability']:.1%}")
    for member in record["members"]:
        assert f"{member['id']:<10} {bar(member['probabilities'][record['label']])}" in good
    assert "flag: the vote is" in good
    assert "(low-confidence)" in good
    assert re.search(rf"bundle toy {record['bundle_sha256'][:12]}   case [0-9a-z]{{12}}$", good)
    assert bad.startswith("bad, very.png\n  error: ")
    assert "CC0-1.0 Tests only." in answered.err


def test_members_that_need_not_answer(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heavy(plain: dict) -> None:
        for member, weight in zip(plain["members"], (0.98, 0.01, 0.01), strict=True):
            member["weight"] = weight
        plain["task"]["threshold"] = 0.05

    bundle = write_toy_bundle(tmp_path / "toy", members=3, mutate=heavy)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.png").write_bytes(png(scan(1)))
    command = ["predict", "good.png", "--bundle", bundle, "--exit", "certified"]
    (record,) = json.loads(edge_run(capsys, *command, "--json").out)
    assert [member["id"] for member in record["members"]] == ["resnet18"]
    assert record["left_out"] == ["googlenet", "resnet50"]
    low, high = record["interval"]
    (row,) = csv.DictReader(io.StringIO(edge_run(capsys, *command, "--csv").out))
    assert json.loads(row["interval"]) == [low, high]
    text = edge_run(capsys, *command).out
    assert f"between {low:.1%} and {high:.1%} whatever the others say" in text
    assert "did not need to answer: googlenet, resnet50" in text
    assert "did not need to answer" not in edge_run(capsys, *command[:-2]).out


@pytest.mark.parametrize(
    "forms", [["--json", "--jsonl"], ["--json", "--csv"], ["--jsonl", "--csv"], ["--json", "--jsonl", "--csv"]]
)
def test_one_form_at_a_time(capsys: Capsys, command: list[str], forms: list[str]) -> None:
    answered = edge_run(capsys, *command, *forms)
    assert (answered.code, answered.out) == (2, "")
    assert "more than one output format is given\n  hint: keep one of" in answered.err


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv"])
def test_stdout_is_data_alone(capsys: Capsys, command: list[str], form: str) -> None:
    answered = edge_run(capsys, *command, form)
    assert answered.err == "1 of 2 inputs could not be answered\n"


class Ascii(io.TextIOWrapper):
    """Standard output of a terminal that knows ASCII alone."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii", errors="strict", newline="\n")

    @property
    def written(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", None])
def test_ascii_terminal(
    capsys: Capsys, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "müde.png").write_bytes(png(scan()))
    (tmp_path / "übel.png").write_bytes(b"no image")
    stdout = Ascii()
    monkeypatch.setattr(sys, "stdout", stdout)
    code = edge_run(capsys, "predict", "müde.png", "übel.png", "--bundle", bundle, *([form] if form else [])).code
    assert code == 3
    if form in ("--json", "--jsonl"):
        text = stdout.written
        found = json.loads(text) if form == "--json" else [json.loads(line) for line in text.splitlines()]
        assert [record["path"] for record in found] == ["müde.png", "übel.png"]
    else:
        assert "m?de.png" in stdout.written


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["doctor"], ["doctor", "--json"]])
def test_ascii_terminal_of_the_other_commands(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    stdout = Ascii()
    monkeypatch.setattr(sys, "stdout", stdout)
    assert edge_run(capsys, *arguments).code == 0
    assert stdout.written


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


def test_progress_has_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    times = iter([0.0, 1.0, 1.05, 3.0, 4.0])
    progress = Progress(4, lambda: next(times))
    for _ in range(4):
        progress.step()
    drawn = [line.strip() for line in screen.getvalue().split("\r")[1:]]
    assert drawn == [
        f"{bar(0.25, 30)} 1/4  1.0/s  0:03 left",
        f"{bar(0.75, 30)} 3/4  1.0/s  0:01 left",
        f"{bar(1, 30)} 4/4  1.0/s  0:04 in all",
    ]
    assert screen.getvalue().endswith("\n")


@pytest.mark.parametrize("stderr", [io.StringIO, Terminal])
def test_progress_is_for_a_terminal_that_text_does_not_share(
    monkeypatch: pytest.MonkeyPatch, stderr: type[io.StringIO]
) -> None:
    screen = stderr()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", Terminal())
    Progress(1).step()
    assert screen.getvalue() == ""


@pytest.mark.parametrize(("scans", "drawn"), [(7, False), (8, True)])
def test_progress_is_for_many_scans(
    capsys: Capsys, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scans: int, drawn: bool
) -> None:
    for n in range(scans):
        (tmp_path / f"{n}.png").write_bytes(png(scan(n)) if n else b"no image")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = edge_run(capsys, "predict", tmp_path, "--bundle", bundle, "--jsonl").err
    assert (f"{scans}/{scans}" in err) == drawn


def test_bar() -> None:
    assert bar(0.5, 4) == "██░░"
    assert bar(0, 4) == "░░░░"
    assert bar(1, 4) == "████"


def test_bar_on_an_ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Ascii())
    assert bar(0.5, 4) == "##.."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CT 12 müde █", "CT 12 müde █"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_would_steer_a_terminal_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_names_cannot_steer_the_terminal(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(plain: dict) -> None:
        plain["name"] = "toy\x1b[2J"
        plain["task"] |= {"labels": ["covid\x1b[31m", "non_covid"], "positive": "non_covid"}
        plain["card"]["licence"] = "free\x1b]0;title\x07"

    bundle = write_toy_bundle(tmp_path / "toy", members=1, mutate=hostile)
    monkeypatch.chdir(tmp_path)
    names = ["ok\n  healthy  100%.png", "gone\x1b[1A.png"]
    (tmp_path / names[0]).write_bytes(png(scan()))
    answered = edge_run(capsys, "predict", *names, "--bundle", bundle)
    assert answered.code == 3
    assert "\x1b" not in answered.out + answered.err
    assert "ok\\n  healthy  100%.png" in answered.out
    answered = edge_run(capsys, "predict", "scan.png", "--bundle", "gone\x1b[2J")
    assert (answered.code, "\x1b" in answered.err) == (4, False)
