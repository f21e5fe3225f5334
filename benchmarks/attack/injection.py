"""Names, remarks and texts of a bundle that would control a terminal or run as a formula, in every output."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

from benchmarks.attack import material
from benchmarks.attack.case_logs import answer
from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import drawing, encoded
from edge_run.cases import CaseLog
from edge_run.cases.notes import note

COMMAND = [sys.executable, "-W", "ignore", "-m", "edge_run"]
TEXTS = (
    "\x1b[2J\x1b]0;owned\x07", "\x9b31m", "\x85next", "\u202egnp.exe", "\u2066a\u2069", "\u200e\u200f", "a\rb", "a\nb",
    "=1+1", "+cmd|' /C calc'!A1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "\u2028x", "\x7f", "plain",
)  # fmt: skip
ALLOWED = "\n\t"
"""What a line-based output may contain besides printable text."""


def attack(seconds: float, *, few: bool = False) -> Outcome:
    """Run the commands, or a few of them, on hostile names, and look at every byte that they print."""
    outcome, clock = Outcome("injection: all outputs"), Clock(seconds)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bundle = _bundle(folder)
        scans = folder / "scans"
        scans.mkdir()
        for text in TEXTS:
            name = text.replace("/", "_").replace("\0", "") or "empty"
            (scans / f"{name}.png").write_bytes(encoded(".png", drawing(64)))
        (scans / "=bad.png").write_bytes(b"no picture")
        (scans / os.fsdecode(b"not\xffutf8\x1b[2J.png")).write_bytes(encoded(".png", drawing(64)))
        log = folder / "cases.sqlite"
        with CaseLog.open(log) as opened:
            for text in TEXTS:
                note(opened, opened.append(answer()), label="covid", remark=text)
        hostile = "no\x1b[2Jsuch\u202e"
        forms: tuple[list[str], ...] = ([], ["--json"], ["--jsonl"], ["--csv"])
        commands: list[list[object]] = [
            *(["predict", scans, "--bundle", bundle, "--case-log", log, *form] for form in forms),
            ["predict", hostile, "--bundle", bundle, "--no-case-log"],
            ["predict", scans, "--bundle", hostile, "--no-case-log"],
            ["predict", scans, "--bundle", bundle, "--backend", hostile],
            *(["cases", "list", "--case-log", log, *form] for form in ([], ["--jsonl"], ["--csv"])),
            *(["cases", "export", "--case-log", log, *form] for form in (["--jsonl"], ["--csv"])),
            ["cases", "verify", "--case-log", log],
            ["cases", "drift", "--case-log", log, "--bundle", bundle],
            ["cases", "show", hostile, "--case-log", log],
            ["cases", "list", "--case-log", folder / hostile],
            ["verify", bundle],
            ["verify", bundle, "--json"],
            ["info", bundle],
            ["info", bundle, "--json"],
            ["watch", folder / hostile],
            [hostile],
        ]  # fmt: skip
        for command in commands[:9:3] if few else commands:
            if clock.over:
                break
            _run(outcome, [str(part) for part in command])
    outcome.seconds = clock.spent
    return outcome


def _bundle(folder: Path) -> Path:
    """A bundle whose texts are hostile wherever the manifest takes free text."""
    bundle = material.small_bundle(folder / "bundle")
    manifest = material.read_manifest(bundle)
    manifest["name"] = "=name\x1b[2J\u202e"
    manifest["card"] |= dict.fromkeys(("summary", "intended_use", "licence"), "=text\x1b[2J\x9b\u202e")
    manifest["card"]["limits"] = ["=limit\x1b[2J\u202e"]
    manifest["provenance"]["train_command"] = "=train\x1b[2J\u202e"
    old, new = manifest["task"]["labels"][0], "=label\x1b[2J\u202e"
    manifest["task"]["labels"][0] = new
    if manifest["task"]["positive"] == old:
        manifest["task"]["positive"] = new
    for profile in manifest["profile"].values():
        profile["labels"] = {new if key == old else key: value for key, value in profile["labels"].items()}
    material.write_manifest(bundle, manifest)
    return bundle


def _run(outcome: Outcome, command: list[str]) -> None:
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "100"}
    ran = subprocess.run([*COMMAND, *command], capture_output=True, env=environment, timeout=300, check=False)
    shown = " ".join(command[:2] + [part for part in command if part.startswith("--") and part.count("-") > 1])
    for stream, data in (("stdout", ran.stdout), ("stderr", ran.stderr)):
        text = data.decode("utf-8", "surrogateescape")
        found = sorted({f"U+{ord(c):04X}" for c in text if _steers(c)})
        outcome.check(not found, f"{shown}: {found} on {stream}", "printable")
    if ran.returncode == 1 and b"unexpected" in ran.stderr:
        outcome.fail(f"{shown}: {ran.stderr[-300:]!r}")
    if "--csv" in command:
        rows = list(csv.reader(io.StringIO(ran.stdout.decode())))
        cells = [cell for row in rows for cell in row if _is_formula(cell)]
        outcome.check(not cells, f"{shown}: formulas {cells[:3]}", "no formula")
        outcome.check(len({len(row) for row in rows}) == 1, f"{shown}: rows of several lengths", "table")
    if "--json" in command and ran.returncode in (0, 3):
        json.loads(ran.stdout)
    if "--jsonl" in command:
        for line in ran.stdout.splitlines():
            json.loads(line)


def _steers(character: str) -> bool:
    return character not in ALLOWED and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")


def _is_formula(cell: str) -> bool:
    start = cell.lstrip(" \t\r\n")
    return start[:1] in ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20") and not _is_number(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
