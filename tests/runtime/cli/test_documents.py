"""Every command line in the documents is one that the command line knows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from toy import edge_run

ROOT = Path(__file__).parents[3]
FENCED = re.compile(r"```(?:bash|console)\n(.*?)```", re.DOTALL)
STOPS = {">", "|", "&", "&&", ";", "<"}
GENERATED = ROOT / "docs" / "reference" / "cli.md"
"""Made by the command line itself; tests/test_site.py holds it current."""


def commands() -> list[tuple[str, str]]:
    found = []
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        if path == GENERATED:
            continue
        for block in FENCED.findall(path.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                # Not `pip install edge-run`, nor what a command prints.
                begins = re.match(r"(?:\$ )?(?:\S+ \S+ \| )?(?:\S*/)?edge-run (.*)", line)
                if begins:
                    found.append((path.name, begins.group(1)))
    return found


@pytest.mark.parametrize(("document", "line"), commands())
def test_documented_command_is_known(capsys: pytest.CaptureFixture[str], document: str, line: str) -> None:  # noqa: ARG001
    words = shlex.split(line, comments=True)
    ends = [n for n, word in enumerate(words) if word in STOPS]
    # Help comes before the check of values, and after that of names.
    answered = edge_run(capsys, *words[: min(ends, default=len(words))], "--help")
    assert answered.code == 0, answered.err
