"""Every promise stands in SECURITY.md with the tests that hold it, and documents that promise something link to it.

A promise is a sentence on what never or always happens to data, privacy, integrity, time or memory. It is recognised by
its words, so the check is no proof; but a new "never" needs a test, or a reason why it is no promise.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SECURITY = ROOT / "SECURITY.md"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

ROW = re.compile(r'^\| <a id="\w+"></a>(?P<name>[A-Z]\d+) \| .+? \| (?P<tests>.+) \|$', re.MULTILINE)
TEST = re.compile(r"\[(test_\w+)\]\((tests/[\w/]+\.py)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\((?:(?:\.\./)?SECURITY\.md)?#([a-z]\d+)\)")

PROMISES = re.compile(r"\b(?:never|always)\b", re.IGNORECASE)
"""What makes a sentence of README and docs a promise."""
STRICT = re.compile(
    r"\b(?:never|always|nothing|refused|checked|bounded|deleted|at most|only (?:this|its)|cannot|no sockets)\b",
    re.IGNORECASE,
)
"""The same, in SECURITY.md."""

NO_PROMISE = {
    # What files, formats and others do, and what a reader is told to do.
    "Never attach a real scan of a patient": "asks the reader",
    "A file is always described by": "a format",
    "any other version is refused, never guessed at": "B5",
    "They are never answered:": "a table that tests/runtime/node negotiates row by row",
    "answering it would never end": "a reason",
    "PRELIMINARY, always |": "a table that tests/runtime/node/results holds",
    "UNVERIFIED, always |": "a table that tests/runtime/node/results holds",
    "those of the first stage always answer": "explains a word",
    "of the members that always answer": "explains a word",
    "only one that always answers": "explains a word",
    "among those that always answer is used": "explains a word",
    "which always answer": "explains a word",
    "images of a kind that it has never seen": "what networks do",
    "the bundle has never seen": "what networks do",
    "`int8-cpu` is never for TensorRT": "explains an error",
    "`transform_input` is always false": "how the code is made",
    "the scan always stays visible": "how a picture looks",
    "not improved by always choosing": "explains a figure",
    "a group-disjoint quarter of its training scans, always the same": "how a benchmark is made",
    "**A bundle decides the answer.** Only load one": "asks the reader",
    "run edge-run as a user who owns nothing": "asks the reader",
}
"""Sentences with such a word that promise nothing that a test of this kind could hold, and why."""


class Promise(NamedTuple):
    """A row of a table in SECURITY.md."""

    name: str
    tests: tuple[tuple[str, str], ...]


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def promises(text: str) -> list[Promise]:
    """The rows of the tables of promises."""
    return [Promise(row["name"], tuple(TEST.findall(row["tests"]))) for row in ROW.finditer(section(text, "Promises"))]


def sentences(text: str) -> list[str]:
    """The sentences of a document's prose and the cells of its tables."""
    found = []
    for paragraph in re.split(r"\n\s*\n", FENCE.sub("", text)):
        table = paragraph.lstrip().startswith("|")
        cells = (cell for line in paragraph.splitlines() for cell in line.split(" | "))
        rows = cells if table else paragraph.split("\n- ")
        for row in rows:
            found += re.split(r"(?<=[.!?]) +(?=[A-Z*`\[])", " ".join(row.split()))
    return found


def unlinked(text: str, words: re.Pattern[str], known: set[str]) -> list[str]:
    """Sentences with the words of a promise that neither link to a known one nor are exceptions."""
    return [
        sentence
        for sentence in sentences(text)
        if words.search(sentence)
        and not {name.upper() for name in LINK.findall(sentence)} & known
        and not any(part in sentence for part in NO_PROMISE)
    ]


@functools.cache
def names_of(path: Path) -> set[str]:
    """The names of a file's tests."""
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


PROMISED = promises(SECURITY.read_text())
NAMES = {promise.name for promise in PROMISED}


def test_promises_are_numbered_without_gaps():
    rows = [line for line in section(SECURITY.read_text(), "Promises").splitlines() if line.startswith("| <a")]
    assert len(rows) == len(PROMISED) > 50
    letters = sorted({promise.name[0] for promise in PROMISED})
    numbers = {letter: [int(p.name[1:]) for p in PROMISED if p.name[0] == letter] for letter in letters}
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values()), numbers


@pytest.mark.parametrize("promise", PROMISED, ids=lambda promise: promise.name)
def test_promise_is_held_by_tests_that_exist(promise):
    assert promise.tests, "no test holds it"
    missing = [f"{path}::{name}" for name, path in promise.tests if name not in names_of(ROOT / path)]
    assert not missing


def test_security_promises_nothing_outside_the_tables():
    text = SECURITY.read_text()
    outside = text.replace(section(text, "Promises"), "").replace(section(text, "Dependencies"), "")
    assert unlinked(outside, STRICT, NAMES) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document_links_its_promises(document):
    found = unlinked(document.read_text(), PROMISES, NAMES)
    hint = "link each to its row of SECURITY.md, ([C1](../SECURITY.md#c1)), or add it to NO_PROMISE"
    assert not found, f"{hint}: {found}"


@pytest.mark.parametrize("document", [SECURITY, *DOCUMENTS], ids=lambda path: path.name)
def test_links_lead_to_promises(document):
    assert {name.upper() for name in LINK.findall(document.read_text())} <= NAMES


# The checks themselves

TABLE = '| | promise | held by |\n|---|---|---|\n| <a id="a1"></a>A1 | It waits. | [test_a](tests/a.py) |\n'


def test_rows_are_read():
    assert promises(f"# S\n\n## Promises\n\n{TABLE}\n## Next\n") == [Promise("A1", (("test_a", "tests/a.py"),))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It never waits.", 1),
        ("It never waits ([A1](../SECURITY.md#a1)).", 0),
        ("It never waits ([A1](SECURITY.md#a1)). It never sleeps.", 1),
        ("It never waits ([A9](SECURITY.md#a9)).", 1),
        ("| it | never waits |", 1),
        ("```\nnever\n```\n", 0),
        ("It waits.\n\n- It always\n  sleeps.", 1),
    ],
)
def test_promises_without_a_row_are_found(text, found):
    assert len(unlinked(text, PROMISES, {"A1"})) == found
