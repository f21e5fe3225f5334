"""The shape of the code at one or more revisions: files, lines, functions, circles and upward imports.

    python -m benchmarks.studies.structure [REVISION...]

Prints a Markdown table with a column for each revision of this repository; without a revision, for the working tree.

A *room* is a folder or a file directly below a package. An *arrow* says that one room imports another one, at whatever
level: when it is imported, when a function is called, or for the type checker alone. An *upward* arrow is one that
points up in every order of the rooms; the number is the smallest over all orders. A *circle* is a group of files in
which every file imports every other one, directly or through others. A function's lines include its docstring.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.studies.imports import Import, circles, graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "edge_run": "runtime/edge_run",
    "edge_train": "train/edge_train",
    "edge_export": "export/edge_export",
    "edge_explain": "explain/edge_explain",
}
LONG = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef
Sources = dict[str, str]
"""Text of each Python file by its path in the repository."""


class Package(NamedTuple):
    """One package: its syntax trees by path, and its imports by module."""

    trees: dict[str, ast.Module]
    imports: dict[str, list[Import]]


def read(revision: str | None) -> Sources:
    """Read the Python files of a revision, or of the working tree."""
    if revision is None:
        paths = _git("ls-files", "-co", "--exclude-standard", "*.py").decode().splitlines()
        return {path: (ROOT / path).read_text() for path in paths if (ROOT / path).exists()}
    archived = io.BytesIO(_git("archive", revision))
    with tarfile.open(fileobj=archived) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive if member.name.endswith(".py"))
        return {name: file.read().decode() for name, file in files if file}


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def packages(sources: Sources) -> dict[str, Package]:
    """Parse the four packages."""
    trees = {path: ast.parse(text) for path, text in sources.items() if any(_below(path, f) for f in PACKAGES.values())}
    modules = {_module(path): (tree, path.endswith("/__init__.py")) for path, tree in trees.items()}
    arrows = graph(modules)
    return {
        name: Package(
            {path: tree for path, tree in trees.items() if _below(path, folder)},
            {module: found for module, found in arrows.items() if module.partition(".")[0] == name},
        )
        for name, folder in PACKAGES.items()
    }


def _below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _module(path: str) -> str:
    return ".".join(PurePosixPath(path).with_suffix("").parts[1:]).removesuffix(".__init__")


def functions(trees: Iterable[ast.Module]) -> list[Function]:
    """All functions, nested ones and methods included."""
    nodes = (node for tree in trees for node in ast.walk(tree))
    return [node for node in nodes if isinstance(node, Function)]


def lines(function: Function, *, docstring: bool = True) -> int:
    """Lines of a function from its ``def`` to its end, with or without its docstring."""
    first = function.body[0]
    text = first.end_lineno or 0
    documented = 0 if docstring or ast.get_docstring(function) is None else text - first.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - documented


def files_of(imports: Mapping[str, Iterable[Import]], *, typing: bool = True) -> dict[str, set[str]]:
    """Which file imports which, with or without what only the type checker reads."""
    return {name: {i.module for i in found if typing or i.level != "typing"} for name, found in imports.items()}


def room(module: str) -> str:
    """The part of a package that a module belongs to; empty for the package itself."""
    return ".".join(module.split(".")[1:2])


def rooms_of(package: str, imports: Mapping[str, Iterable[Import]], *, lazy: bool = True) -> dict[str, set[str]]:
    """Which room imports which, with or without what is imported inside functions."""
    arrows: dict[str, set[str]] = {room(module): set() for module in imports if room(module)}
    for module, found in imports.items():
        own = {room(i.module) for i in found if i.top == package and (lazy or i.level != "function")}
        if room(module):
            arrows[room(module)] |= own - {room(module), ""}
    return arrows


def upward(arrows: Mapping[str, set[str]]) -> int:
    """How many arrows point up in the best order of the rooms (minimum feedback arc set, exact).

    Rooms are stacked one by one: ``best[S]`` is the smallest number for the set ``S`` at the bottom, and putting
    ``v`` upon it adds the arrows from ``S`` to ``v``. Only rooms of one circle can disturb each other.
    """
    total = 0
    for group in circles(arrows):
        into = [sum(1 << n for n, other in enumerate(group) if name in arrows[other]) for name in group]
        best = np.full(1 << len(group), len(group) ** 2)
        best[0] = 0
        for below in range(1 << len(group)):
            for n in range(len(group)):
                if not below >> n & 1:
                    stacked = below | 1 << n
                    best[stacked] = min(best[stacked], best[below] + (below & into[n]).bit_count())
        total += int(best[-1])
    return total


def replaces_a_file(tree: ast.Module) -> bool:
    """Whether a file calls ``path.replace(target)`` or ``os.replace(partial, path)`` itself."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and not node.keywords]
    replacing = [(c, c.func.value) for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "replace"]
    return any(len(call.args) == 1 or (isinstance(of, ast.Name) and of.id == "os") for call, of in replacing)


def measure(sources: Sources) -> dict[str, str]:
    """Measure one revision: text by row of the table."""
    found = packages(sources)
    trees = {path: tree for package in found.values() for path, tree in package.trees.items()}
    return {**_sizes(sources, trees), **_arrows(found, trees), **_around(sources)}


def _sizes(sources: Sources, trees: Mapping[str, ast.Module]) -> dict[str, str]:
    lengths = [len(sources[path].splitlines()) for path in trees]
    spans = [lines(function) for function in functions(trees.values())]
    folders = Counter(str(PurePosixPath(path).parent) for path in trees)
    crowded, most = folders.most_common(1)[0]
    middle, ninth = statistics.median(spans), np.quantile(spans, 0.9)
    return {
        "files in the four packages": str(len(trees)),
        "files directly in " + ", ".join(PACKAGES): ", ".join(str(folders[folder]) for folder in PACKAGES.values()),
        "most files in one folder": f"{most} ({PurePosixPath(crowded).name})",
        "lines of the four packages": str(sum(lengths)),
        "lines of a file: median, longest": f"{statistics.median(lengths):.0f}, {max(lengths)}",
        "functions": str(len(spans)),
        "lines of a function: median, 90 %, longest": f"{middle:.0f}, {ninth:.0f}, {max(spans)}",
        f"functions over {LONG} lines": str(sum(span > LONG for span in spans)),
    }


def _arrows(found: Mapping[str, Package], trees: Mapping[str, ast.Module]) -> dict[str, str]:
    arrows = {module: imported for package in found.values() for module, imported in package.imports.items()}
    table = {
        "circles among files, at run time": str(len(circles(files_of(arrows, typing=False)))),
        "circles among files, with the type checker's imports": str(len(circles(files_of(arrows)))),
    }
    for name, package in found.items():
        rooms = rooms_of(name, package.imports)
        table[f"{name}: rooms, arrows, upward arrows"] = (
            f"{len(rooms)}, {sum(map(len, rooms.values()))}, {upward(rooms)}"
        )
    return table | {"files that replace a file by themselves": str(sum(map(replaces_a_file, trees.values())))}


def _around(sources: Sources) -> dict[str, str]:
    table = {}
    for title, folders in {"tests": ("tests/",), "benchmarks and samples": ("benchmarks/", "samples/")}.items():
        own = [text for path, text in sources.items() if path.startswith(folders)]
        table[f"files, lines of {title}"] = f"{len(own)}, {sum(len(text.splitlines()) for text in own)}"
    changed = [path for path, text in sources.items() if re.search(r"sys\.path\.insert", text)]
    return table | {"files that change `sys.path`": str(len(changed))}


def main(revisions: list[str]) -> None:
    """Print the table."""
    chosen: list[str | None] = [*revisions] or [None]
    columns = {name or "working tree": measure(read(name)) for name in chosen}
    print("| | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for row in next(iter(columns.values())):
        print(f"| {row} | " + " | ".join(column[row] for column in columns.values()) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
