"""The documentation site: each page has its place, is short, and builds without a warning."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NAV = set(re.findall(r'"([\w/.-]+\.md)"', (ROOT / "zensical.toml").read_text()))
OF_THE_CHECKOUT = {"SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"}
LONGEST = 1500
REFERENCES = {"architecture.md", "benchmarks.md", "bundle.md", "conformance.md", "glossary.md", "reference/cli.md"}
"""Pages to look something up in, which may be longer."""


def words(page: Path) -> int:
    """Words of a page's prose: without tables, commands and what they print."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return len(" ".join(line for line in text.splitlines() if not line.startswith(("|", "<!--"))).split())


def test_every_page_has_its_place_in_the_navigation():
    assert {page.relative_to(DOCS).as_posix() for page in PAGES} | OF_THE_CHECKOUT == NAV


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_page_is_short(page: Path):
    if page.relative_to(DOCS).as_posix() not in REFERENCES:
        assert words(page) <= LONGEST


def test_reference_of_the_command_line_is_current(tmp_path: Path):
    command = ["-m", "typer", "edge_run.cli._app", "utils", "docs", "--name", "edge-run", "--title", "Command line"]
    made = tmp_path / "cli.md"
    subprocess.run([sys.executable, *command, "--output", made], check=True, capture_output=True)
    assert made.read_text() == (DOCS / "reference" / "cli.md").read_text(), "make docs/reference/cli.md"


def test_site_builds_without_a_warning():
    pytest.importorskip("zensical")
    done = subprocess.run([sys.executable, DOCS / "site.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (ROOT / "build" / "site" / "reference" / "python" / "index.html").read_text()
    assert "predict_many" in page
    assert ":meth:" not in page


# The script itself


def site() -> Any:
    spec = importlib.util.spec_from_file_location("site_of_docs", DOCS / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("cases.md", "[C1](../SECURITY.md#c1)", "[C1](SECURITY.md#c1)"),
        ("tutorials/fleet.md", "[x](../many-scans.md)", "[x](../many-scans.md)"),
        ("SECURITY.md", "[x](docs/cases.md#a)", "[x](cases.md#a)"),
        ("SECURITY.md", "[test_a](tests/test_site.py)", "test_a"),
        ("architecture.md", "[run](../runtime/edge_run)", "run"),
        ("cases.md", "[x](https://example.org/a.md)", "[x](https://example.org/a.md)"),
        ("cases.md", "![x](images/report.png)", "![x](images/report.png)"),
    ],
)
def test_links_lead_to_pages_of_the_site(page: str, link: str, expected: str):
    module = site()
    assert module.LINK.sub(lambda match: module._link(match, module.PAGES / page), link) == expected
