"""The unit of systemd: valid, locked down, and wide enough for what the server does."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from toy import png, scan, write_toy_bundle

UNIT = Path(__file__).parents[2] / "deploy" / "edge-run-serve.service"
EXPOSURE = 15
"""Tenths of `systemd-analyze security`, of 100: a service without any protection has 96."""

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@pytest.fixture
def unit(tmp_path):
    """The unit, with a program that exists on this machine."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/edge-run/bin/edge-run", "/bin/true"))
    return path


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_unit_is_valid(unit):
    done = analyze("verify", str(unit))
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, complaints) == (0, [])


def test_unit_is_locked_down(unit):
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-3000:]


def test_options_of_the_command_exist():
    import typer.main

    from edge_run.cli.serve import serve

    app = typer.Typer()
    app.command()(serve)
    known = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    command = re.search(r"^ExecStart=\S+ serve (.*)$", UNIT.read_text(), flags=re.MULTILINE)[1]
    assert {word for word in command.split() if word.startswith("-")} <= known


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_filter_lets_the_server_make_its_system_calls(tmp_path):
    """Watch the server start, answer, log and end, and look each of its calls up in the filter."""
    watched = tmp_path / "calls"
    command = [
        "strace", "-f", "-qq", "-c", "-U", "name", "-o", watched, sys.executable, "-m", "edge_run", "serve",
        "--port", "0", "--drain", "0", "--keep-images", "--metrics", "127.0.0.1:0",
        "--bundle", write_toy_bundle(tmp_path / "toys"), "--case-log", tmp_path / "log" / "cases.sqlite",
    ]  # fmt: skip
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True) as traced:
        told = ""
        for line in traced.stderr:
            told += line
            if found := re.search(r"serving on (\S+);", line):
                break
        else:
            pytest.skip(f"strace cannot watch here: {told}")
        with httpx.Client(base_url=found[1], timeout=60, trust_env=False) as client:
            sent = client.post("/v1/scans", content=png(scan(0)), headers={"Content-Type": "image/png"}).json()
            for path in ("/", f"/cases/{sent['case']}", f"/cases/{sent['case']}/heatmap.png", "/static/style.css"):
                assert client.get(path).status_code == 200
        (server,) = Path(f"/proc/{traced.pid}/task/{traced.pid}/children").read_text().split()
        os.kill(int(server), signal.SIGTERM)
        traced.stderr.read()
    assert traced.returncode == 0
    made = {line.split()[0] for line in watched.read_text().splitlines() if re.fullmatch(r"\s*[a-z_0-9]+\s*", line)}
    assert {"listen", "fsync", "accept4"} <= made
    allowed, refused = calls_of("@system-service"), calls_of("@privileged")
    # SQLite changes the owner of its files only where it runs as root, which the unit does not.
    assert made - (allowed - refused) - {"fchown", "syscall", "total"} == set()


def calls_of(group):
    found = set()
    for line in analyze("syscall-filter", group).stdout.splitlines()[2:]:
        name = line.strip()
        if name.startswith("@"):
            found |= calls_of(name)
        elif name and not name.startswith("#"):
            found.add(name)
    return found
