"""Write what commands print into documents, between markers, so that no figure is written by hand.

    python -m benchmarks.refresh [DOCUMENT...] [--only SUBSTRING] [--check]

A block begins with a line `<!-- figures: COMMAND -->` and ends with a line `<!-- /figures -->`. What stands between
gives way to COMMAND's standard output, as Markdown; where it is a console fence, to a console fence with the command.
The command runs in the root of the repository, without a shell. Words that begin with `data/` lie below
`$EDGE_RUN_DATA` (default: `data`), and what is printed names them `data/` again. README.md and docs/*.md by default.

A command that fails leaves its block as it was; the others are refreshed, and the exit code is 1. --only takes blocks
whose command holds a substring. --check runs nothing. A marker that cannot be read is exit code 2.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BEGIN = re.compile(r"<!-- figures: (\S.*?) -->")
END = "<!-- /figures -->"
LIKE_A_MARKER = re.compile(r"<!--\W*figures?\b")
CONSOLE = "```console"
DATA = "data/"

Run = Callable[[str], str]
"""A command -> what it prints; raises `CommandError`."""


class MarkerError(ValueError):
    """A document's markers do not pair."""


class CommandError(RuntimeError):
    """A command failed or printed nothing."""


class Block(NamedTuple):
    """Lines ``first`` to before ``last`` of a document stand between the markers of a command."""

    command: str
    first: int
    last: int


def blocks(text: str) -> list[Block]:
    """Find the blocks of a document.

    Raises
    ------
    MarkerError
        A marker is not closed, closes nothing, stands in another block, or is misspelt; with its line.
    """
    found: list[Block] = []
    opened: tuple[str, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        begin = BEGIN.fullmatch(line)
        if begin:
            if opened:
                raise MarkerError(f"line {number}: the block of line {opened[1]} is not closed")
            opened = begin[1], number
        elif line == END:
            if not opened:
                raise MarkerError(f"line {number}: no block is open")
            found.append(Block(opened[0], opened[1], number - 1))
            opened = None
        elif LIKE_A_MARKER.match(line.strip()):
            raise MarkerError(f"line {number}: write '<!-- figures: COMMAND -->' or '{END}', alone on its line")
    if opened:
        raise MarkerError(f"line {opened[1]}: the block is not closed")
    return found


def filled(text: str, block: Block, output: str) -> str:
    """Put a command's output into its block."""
    lines = text.splitlines()
    before = [line for line in lines[block.first : block.last] if line.strip()]
    body = output.strip("\n").splitlines()
    if before[:1] == [CONSOLE]:
        body = [CONSOLE, f"$ {block.command}", *body, "```"]
    return "\n".join([*lines[: block.first], "", *body, "", *lines[block.last :], ""])


def run(command: str) -> str:
    """Run in the repository's root, with this interpreter's commands first on the path."""
    data = Path(os.environ.get("EDGE_RUN_DATA", "data"))
    words = [str(data / w.removeprefix(DATA)) if w.startswith(DATA) else w for w in shlex.split(command)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            words, cwd=ROOT, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(str(error)) from error
    if not done.stdout.strip():
        raise CommandError("it prints nothing")
    return done.stdout.replace(f"{data}/", DATA).replace(f"{ROOT}/", "")


def refresh(document: Path, run_: Run, only: str = "") -> list[str]:
    """Fill a document's blocks, and write it after each; returns what failed, one line each."""
    failed = []
    for n, block in enumerate(blocks(document.read_text())):
        if only not in block.command:
            continue
        print(f"{document.name}: {block.command}", file=sys.stderr, flush=True)
        try:
            output = run_(block.command)
        except CommandError as error:
            failed.append(f"{document}: line {block.first}: {block.command}: {error}")
            continue
        text = document.read_text()
        new = filled(text, blocks(text)[n], output)
        blocks(new)  # an output that looks like a marker must not get in
        partial = document.with_name(f".{document.name}.partial")
        partial.write_text(new)
        partial.replace(document)
    return failed


def main(documents: list[Path], only: str, *, check: bool) -> int:
    """Refresh all, each command once; the exit code says whether all is well."""
    printed: dict[str, str] = {}

    def once(command: str) -> str:
        if command not in printed:
            printed[command] = run(command)
        return printed[command]

    failed: list[str] = []
    try:
        for document in documents:
            blocks(document.read_text())
        for document in documents if not check else ():
            failed += refresh(document, once, only)
    except MarkerError as error:
        print(f"{document}: {error}", file=sys.stderr)
        return 2
    for line in failed:
        print(f"not refreshed: {line}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "documents", type=Path, nargs="*", default=[ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    sys.exit(main(given.documents, given.only, check=given.check))
