"""The imports of a Python package as a graph: who imports whom, at which level, and in which circles."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Level = Literal["module", "function", "typing"]
"""``module`` runs when the file is imported, ``function`` when it is called, ``typing`` never."""


class Import(NamedTuple):
    """One imported module, by its full name, where it stands."""

    module: str
    level: Level
    line: int

    @property
    def top(self) -> str:
        """The package that the module belongs to."""
        return self.module.partition(".")[0]


def imports(tree: ast.Module, name: str = "", *, is_package: bool = False, known: Iterable[str] = ()) -> list[Import]:
    """Find all imports of a file.

    Parameters
    ----------
    name, is_package
        The file's own module name, and whether it is an ``__init__``: relative imports are resolved against them.
    known
        Names of modules; ``from package import module`` then counts as an import of the module.
    """
    base = name if is_package else name.rpartition(".")[0]
    return list(_walk(tree, "module", base, frozenset(known)))


def _walk(node: ast.AST, level: Level, base: str, known: frozenset[str]) -> Iterable[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, level, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            parents = base.split(".")[: len(base.split(".")) - max(0, child.level - 1)] if child.level else []
            source = ".".join([*parents, *([child.module] if child.module else [])])
            targets = dict.fromkeys(f"{source}.{alias.name}" for alias in child.names)
            found = dict.fromkeys(target if target in known else source for target in targets)
            yield from (Import(module, level, child.lineno) for module in found)
        elif isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            yield from _walk(ast.Module(child.body, []), "typing", base, known)
            yield from _walk(ast.Module(child.orelse, []), level, base, known)
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, "function" if lazy and level == "module" else level, base, known)


def graph(trees: Mapping[str, tuple[ast.Module, bool]]) -> dict[str, list[Import]]:
    """Imports among the given modules.

    Parameters
    ----------
    trees
        Syntax tree of each module by its name, and whether it is an ``__init__``.
    """
    return {
        name: [
            one
            for one in imports(tree, name, is_package=is_package, known=trees)
            if one.module in trees and one.module != name
        ]
        for name, (tree, is_package) in trees.items()
    }


def circles(arrows: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Strongly connected components of more than one node, each sorted: every node reaches every other one."""
    names = sorted({*arrows, *(target for targets in arrows.values() for target in targets)})
    place = {name: n for n, name in enumerate(names)}
    pairs = np.array([(place[a], place[b]) for a, targets in arrows.items() for b in targets], np.int64).reshape(-1, 2)
    matrix = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(names)))
    _, component = connected_components(matrix, directed=True, connection="strong")
    found: dict[int, list[str]] = {}
    for name, which in zip(names, component, strict=True):
        found.setdefault(int(which), []).append(name)
    return sorted(tuple(group) for group in found.values() if len(group) > 1)
