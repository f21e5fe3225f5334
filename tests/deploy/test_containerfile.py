"""The Containerfile names extras, options and paths that exist, and runs as nobody special."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "Containerfile").read_text()


def test_extras_exist():
    extras = re.search(r"'\.\[([\w,]+)\]'", TEXT)[1].split(",")
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", pyproject, flags=re.MULTILINE) for extra in extras)


def test_last_stage_runs_as_an_unprivileged_user_and_writes_one_folder():
    last = TEXT.rpartition("\nFROM ")[2]
    assert int(re.search(r"^USER (\d+)$", last, flags=re.MULTILINE)[1]) > 1000
    assert re.findall(r"^VOLUME (.*)$", last, flags=re.MULTILINE) == ["/data"]
    assert "XDG_DATA_HOME=/data" in last


def test_health_is_asked_where_the_server_tells_it():
    path = re.search(r"http://127\.0\.0\.1:8080(/[\w/]+)", TEXT)[1]
    sources = "".join(file.read_text() for file in (ROOT / "runtime/edge_run/serve").rglob("*.py"))
    assert f'"{path}"' in sources


def test_options_that_it_names_exist():
    import typer.main

    from edge_run.cli.serve import serve

    app = typer.Typer()
    app.command()(serve)
    known = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    named = {
        word
        for line in TEXT.splitlines()
        if " serve " in line or "CMD" in line
        for word in re.findall(r"(--[a-z-]+)", line)
    }
    assert {"--keep-images", "--tls-cert"} <= named
    assert named - {"--interval", "--timeout", "--start-period"} <= known
