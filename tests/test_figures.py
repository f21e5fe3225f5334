"""A figure in the README is one that a command beside it prints; and those commands' blocks are refreshed safely."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import refresh

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

FIGURE = re.compile(r"(?<![\w.])[-+]?(\d+\.\d+(?![\w.]*\d)|\d+(?= ?(?:ms|%|MB|MiB|GB|s/scan|\u00d7|x)(?!\w)))")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"`(?:edge-run|python|pytest|make) [^`]+`")
LINK = re.compile(r"\]\((docs/\w[\w-]*\.md)")
NO_MEASUREMENT = {"3.10": "Python's version", "2.0": "the Apache License's"}


def sections(text):
    """Parts of a document that begin with `## `, and what comes before."""
    return re.split(r"^(?=## )", text, flags=re.MULTILINE)


def printed(text):
    """What commands print, as a document shows it: console fences with a command, and figures blocks."""
    lines = text.splitlines()
    blocks = ["\n".join(lines[block.first : block.last]) for block in refresh.blocks(text)]
    return [body for kind, body in FENCE.findall(text) if kind == "console" and body.startswith("$ ")] + blocks


def without_printed(text):
    """Prose and tables of a document, by paragraph."""
    lines = text.splitlines()
    for block in reversed(refresh.blocks(text)):
        del lines[block.first : block.last]
    return re.split(r"\n\s*\n", FENCE.sub("", "\n".join(lines)))


def shown(figure, outputs):
    """Whether an output has the figure, or a longer number that rounds to it."""
    wanted = Decimal(figure)
    return any(Decimal(found).quantize(wanted) == wanted for found in NUMBER.findall("\n".join(outputs)))


def unproven(text, linked=lambda _path: ""):
    """Figures of the prose that have no command.

    A paragraph that names one in backticks has it, and so has a table right after such a paragraph. Any other figure
    must be in what a command prints, or such a table holds: in the same section, or in a document that the paragraph
    links to.
    """
    found = []
    for section in sections(text):
        paragraphs = without_printed(section)
        named = [bool(COMMAND.search(paragraph)) for paragraph in paragraphs]
        tables = [p for p, before in zip(paragraphs[1:], named, strict=False) if before and p.lstrip().startswith("|")]
        for paragraph, has in zip(paragraphs, named, strict=True):
            outputs = printed(section) + tables + [o for path in LINK.findall(paragraph) for o in printed(linked(path))]
            figures = [] if has or paragraph in tables else FIGURE.findall(paragraph)
            found += [(f, paragraph) for f in figures if f not in NO_MEASUREMENT and not shown(f, outputs)]
    return found


def test_every_figure_of_the_readme_has_its_command():
    bare = unproven((ROOT / "README.md").read_text(), lambda path: (ROOT / path).read_text())
    assert not bare, "\n".join(f"{figure}: {' '.join(paragraph.split())[:120]}" for figure, paragraph in bare)


CONSOLE = "```console\n$ edge-run bench\n68.14 ms, 91.2%\n```\n"


@pytest.mark.parametrize(
    ("prose", "bare"),
    [
        ("It takes 68 ms.", []),
        ("It takes 68.1 ms, in 91 % of cases.", []),
        ("It takes 67 ms.", ["67"]),
        ("It is 3.5 times as fast.", ["3.5"]),
        ("It is 3x as fast, of 20 MB, and 12\u00d7 smaller.", ["3", "20", "12"]),
        ("Python 3.10, schema 1, four networks, exit code 3, ResNet-50, v1.2.3.", []),
        ("`edge-run train` says 0.77.", []),
        ("`edge-run train` says:\n\n| a | 0.77 |", []),
        ("`edge-run train` says:\n\n| a | 0.77 |\n\nSo 0.8 in all.", []),
        ("It says:\n\n| a | 0.77 |", ["0.77"]),
        ("See [there](docs/there.md): 5.5.", []),
    ],
)
def test_figures_without_a_command_are_found(prose, bare):
    there = "```console\n$ python -m benchmarks.there\n5.50\n```"
    assert [figure for figure, _ in unproven(f"## A\n\n{prose}\n\n{CONSOLE}", lambda _: there)] == bare


def test_figure_is_not_proven_by_another_section():
    assert unproven(f"## A\n\n68 ms.\n\n## B\n\n{CONSOLE}")


def test_fence_without_a_command_proves_nothing():
    assert unproven("## A\n\n68 ms.\n\n```console\n68 ms\n```")


def test_markers_of_all_documents_pair():
    assert refresh.main(DOCUMENTS, "", check=True) == 0


BLOCK = "before\n\n<!-- figures: count {} -->\nold 1.5\n<!-- /figures -->\n\nafter\n"


def written(tmp_path, text):
    document = tmp_path / "doc.md"
    document.write_text(text)
    return document


def test_output_replaces_what_stood_between_the_markers(tmp_path):
    document = written(tmp_path, BLOCK.format("a") + BLOCK.format("b"))
    assert refresh.refresh(document, lambda command: f"\nnew of {command}\n| 2.5 |\n") == []
    text = document.read_text()
    assert "old" not in text
    assert "<!-- figures: count a -->\n\nnew of count a\n| 2.5 |\n\n<!-- /figures -->\n\nafter\n" in text
    assert text.count("before") == text.count("after") == text.count("| 2.5 |") == 2
    refresh.refresh(document, lambda command: f"\nnew of {command}\n| 2.5 |\n")
    assert document.read_text() == text


def test_console_fence_stays_one(tmp_path):
    fence = "```console\n$ count\n1.5\n```"
    document = written(tmp_path, f"<!-- figures: count a -->\n\n{fence}\n<!-- /figures -->\n")
    refresh.refresh(document, lambda _: "2.5\n")
    expected = "<!-- figures: count a -->\n\n```console\n$ count a\n2.5\n```\n\n<!-- /figures -->\n"
    assert document.read_text() == expected


def test_only_what_was_asked_for_is_run(tmp_path):
    document = written(tmp_path, BLOCK.format("a") + BLOCK.format("b"))
    asked = []
    refresh.refresh(document, lambda command: asked.append(command) or "new", only="t b")
    assert asked == ["count b"]
    assert document.read_text().count("old 1.5") == 1


def test_failing_command_keeps_its_text_and_not_the_others(tmp_path, capsys):
    commands = {"bad": "python -c 'raise SystemExit(3)'", "good": "python -c 'print(2.5)'", "mute": "python -c ''"}
    text = "".join(BLOCK.replace("count {}", commands[name]) for name in ("bad", "good", "mute"))
    document = written(tmp_path, text)
    assert refresh.main([document], "", check=False) == 1
    assert document.read_text().count("old 1.5") == 2
    assert "\n2.5\n" in document.read_text()
    said = capsys.readouterr().err
    assert "line 3" in said
    assert "prints nothing" in said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<!-- figures: count -->\nold\n", "line 1"),
        ("\n<!-- /figures -->\n", "line 2"),
        ("<!-- figures: a -->\n<!-- figures: b -->\n<!-- /figures -->\n", "line 2"),
        ("<!-- figure: a -->\n<!-- /figures -->\n", "line 1"),
        ("<!-- figures a -->\n", "line 1"),
        ("<!-- figures: -->\n", "line 1"),
    ],
)
def test_markers_that_do_not_pair_are_refused_and_nothing_is_run(tmp_path, capsys, text, line):
    good, bad = tmp_path / "good.md", written(tmp_path, text)
    good.write_text(BLOCK.format("a"))
    assert refresh.main([good, bad], "", check=False) == 2
    assert good.read_text() == BLOCK.format("a")
    assert bad.read_text() == text
    assert line in capsys.readouterr().err


def test_output_that_looks_like_a_marker_is_refused(tmp_path):
    document = written(tmp_path, BLOCK.format("a"))
    with pytest.raises(refresh.MarkerError):
        refresh.refresh(document, lambda _: "x\n<!-- /figures -->\n")
    assert document.read_text() == BLOCK.format("a")


def test_data_lies_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_RUN_DATA", str(tmp_path))
    (tmp_path / "set").mkdir()
    printing = "python -c 'import sys, pathlib; print(sys.argv[1], pathlib.Path(sys.argv[1]).is_dir())' data/set"
    assert refresh.run(printing) == "data/set True\n"
