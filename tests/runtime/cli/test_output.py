"""The forms of ``edge-run predict``: each reads back, and each carries the same record."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run.cli.output import Progress, bar, progress, say, visible
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
    assert (good["path"], bad["path"]) == ("good.png", "bad, very.png")
    assert good["probability"] == good[f"p_{good['label']}"]
    assert float(good["p_covid"]) + float(good["p_non_covid"]) == pytest.approx(1)
    voted = 2 / 3 * float(good["resnet18_p_covid"]) + 1 / 3 * float(good["googlenet_p_covid"])
    assert voted == pytest.approx(float(good["p_covid"]))
    assert good["flags"] == "low-confidence"
    assert good["reasons"].startswith("the vote is")
    assert float(good["confidence"]) == max(float(good["p_covid"]), float(good["p_non_covid"]))
    assert re.fullmatch(r"[0-9a-z]{12}", good["case"])
    assert float(good["ms"]) > 0
    assert (good["error"], good["low"]) == ("", "")
    assert (bad["error"], bad["label"], bad["probability"]) == ("InputError", "", "")
    assert "{" not in out
    assert "[" not in out


def test_csv_runs_no_formula(capsys: Capsys, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "=1+1.png").write_bytes(png(scan(1)))
    out = edge_run(capsys, "predict", "=1+1.png", "--bundle", bundle, "--csv").out
    assert next(csv.DictReader(io.StringIO(out)))["path"] == "'=1+1.png"


def test_text_says_it_to_a_person(capsys: Capsys, command: list[str]) -> None:
    record, _ = json.loads(edge_run(capsys, *command, "--json").out)
    answered = edge_run(capsys, *command)
    good, bad = answered.out.strip().split("\n\n")
    assert good.startswith(f"good.png\n  {record['label']}  {record['probability']:.1%}")
    for member in record["members"]:
        own = f"{member['label']:<9} {member['probability']:6.1%}   weight {member['weight']:.2f}"
        assert f"{member['id']:<10} {bar(member['probability'])} {own}" in good
    assert "flag: the vote is" in good
    assert "(low-confidence)" in good
    assert re.search(rf"bundle toy {record['bundle_sha256'][:12]}   case [0-9a-z]{{12}}$", good)
    assert bad.startswith("bad, very.png\n  error: ")
    assert answered.err.splitlines() == [
        "Tests only.",
        "1 of 2 inputs could not be answered:",
        f"  bad, very.png: {json.loads(edge_run(capsys, *command, '--json').out)[1]['error']['message']}",
    ]


def test_member_that_disagrees_shows_its_own_label(capsys: Capsys, tmp_path: Path) -> None:
    def split(plain: dict) -> None:
        for member, temperature in zip(plain["members"], (1.0, 1.0), strict=True):
            member["artefacts"]["int8-cpu"]["temperature"] = temperature
        plain["task"]["threshold"] = 0.5

    bundle = write_toy_bundle(tmp_path / "toy", members=2, mutate=split)
    for seed in range(40):
        (tmp_path / "a.png").write_bytes(png(scan(seed)))
        (record,) = json.loads(edge_run(capsys, "predict", tmp_path / "a.png", "--bundle", bundle, "--json").out)
        if len({member["label"] for member in record["members"]}) == 2:
            break
    text = edge_run(capsys, "predict", tmp_path / "a.png", "--bundle", bundle).out
    lines = {line.split()[0]: line for line in text.splitlines() if "weight" in line}
    for member in record["members"]:
        assert f"{member['label']:<9} {member['probability']:6.1%}" in lines[member["id"]]
        assert ("disagrees" in lines[member["id"]]) == (member["label"] != record["label"])


def test_members_that_need_not_answer(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heavy(plain: dict) -> None:
        for member, weight in zip(plain["members"], (0.98, 0.01, 0.01), strict=True):
            member["weight"] = weight
        plain["task"]["threshold"] = 0.05

    bundle = write_toy_bundle(tmp_path / "toy", members=3, mutate=heavy)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.png").write_bytes(png(scan(1)))
    command = ["predict", "good.png", "--bundle", bundle, "--early-exit"]
    (record,) = json.loads(edge_run(capsys, *command, "--json").out)
    assert [member["id"] for member in record["members"]] == ["resnet18"]
    assert record["left_out"] == ["googlenet", "resnet50"]
    low, high = record["interval"]
    (row,) = csv.DictReader(io.StringIO(edge_run(capsys, *command, "--csv").out))
    assert (float(row["low"]), float(row["high"])) == (low, high)
    assert row["googlenet_p_covid"] == ""
    text = edge_run(capsys, *command).out
    assert f"between {low:.1%} and {high:.1%}   (settled by 1 of 3 members)" in text
    assert f"{record['probability']:.1%}   (" not in text
    assert "not needed: googlenet, resnet50" in text
    assert "not needed" not in edge_run(capsys, *command[:-1]).out


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
    assert answered.err.startswith("1 of 2 inputs could not be answered:\n  bad, very.png: ")


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


def drawn_lines(screen: io.StringIO) -> list[str]:
    return [line for line in screen.getvalue().split("\r\x1b[K") if line]


def test_progress_has_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    times = iter([0.0, 1.0, 1.05, 3.0])
    progress = Progress(lambda: next(times))
    for done in range(5):
        progress.show("reading", done, 4)
    assert drawn_lines(screen) == [
        f"{bar(0, 20, screen)} 0/4  reading",
        f"{bar(0.25, 20, screen)} 1/4  0:03 left  reading",
        f"{bar(0.75, 20, screen)} 3/4  0:01 left  reading",
    ]
    assert screen.getvalue().endswith("\r\x1b[K")


def test_progress_makes_room_for_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with Progress() as progress:
        progress.show("building", 0.5, 1)
        say("a word")
        progress.show("building", 1, 1)
    assert screen.getvalue() == f"\r\x1b[K{bar(0.5, 20, screen)}  50%  building\r\x1b[Ka word\n"


@pytest.mark.parametrize(("stderr", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_progress_is_for_a_terminal(monkeypatch: pytest.MonkeyPatch, stderr: type[io.StringIO], term: str) -> None:
    screen = stderr()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", term)
    with Progress() as progress:
        progress.show("", 1, 2)
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    ("term", "no_color", "coloured"), [("xterm", "", True), ("dumb", "", False), ("xterm", "1", False)]
)
def test_colour_is_for_a_terminal_that_wants_it(
    capsys: Capsys,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    term: str,
    no_color: str,
    coloured: bool,
) -> None:
    (tmp_path / "a.png").write_bytes(png(scan(1)))
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    edge_run(capsys, "predict", tmp_path / "a.png", "--bundle", bundle)
    assert ("\x1b[1;36m" in screen.getvalue()) == coloured
    assert ("\x1b[33m  flag: " in screen.getvalue()) == coloured


@pytest.mark.parametrize(("scans", "drawn"), [(7, False), (8, True)])
def test_progress_is_for_many_scans(
    capsys: Capsys, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scans: int, drawn: bool
) -> None:
    for n in range(scans):
        (tmp_path / f"{n}.png").write_bytes(png(scan(n)) if n else b"no image")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_DRAWINGS", 0)
    monkeypatch.setenv("TERM", "xterm")
    err = edge_run(capsys, "predict", tmp_path, "--bundle", bundle, "--jsonl").err
    assert (f"{scans - 1}/{scans}" in err) == drawn


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
