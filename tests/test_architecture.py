"""The direction of imports, and what no module may do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "edge_run": ROOT / "runtime" / "edge_run",
    "edge_train": ROOT / "train" / "edge_train",
    "edge_export": ROOT / "export" / "edge_export",
    "edge_explain": ROOT / "explain" / "edge_explain",
}
MAY_IMPORT = {
    "edge_run": set(),
    "edge_train": {"edge_run"},
    "edge_export": {"edge_run", "edge_train"},
    "edge_explain": {"edge_run", "edge_train"},
}
BEDSIDE = {"cv2", "msgspec", "numpy", "onnxruntime", "typer"}
# typing_extensions is typer's own dependency.
RUNTIME_NEEDS = BEDSIDE | {"typing_extensions"}
TORCH = {"captum", "lightning", "matplotlib", "onnx", "safetensors", "scipy", "torch", "torchvision"}
FORBIDDEN = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
    "socket", "urllib", "urllib3", "requests", "httpx", "http", "ftplib", "smtplib", "aiohttp",
}  # fmt: skip
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "torch.save", "__import__"}


class Import(NamedTuple):
    """One imported module; ``level`` is ``module``, ``function`` or ``typing`` (never run)."""

    module: str
    level: str
    line: int

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def typing_only(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def imports(node: ast.AST, level: str = "module") -> list[Import]:
    """All imports below a node, relative ones left out: they stay in their package."""
    found: list[Import] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found += [Import(name.name, level, child.lineno) for name in child.names]
        elif isinstance(child, ast.ImportFrom) and not child.level:
            found.append(Import(child.module or "", level, child.lineno))
        elif isinstance(child, ast.If) and typing_only(child.test):
            found += imports(ast.Module(child.body, []), "typing")
            found += imports(ast.Module(child.orelse, []), level)
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            found += imports(child, "function" if lazy and level == "module" else level)
    return found


def name_of(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain, empty where it is none."""
    if isinstance(node, ast.Attribute):
        base = name_of(node.value)
        return f"{base}.{node.attr}" if base else ""
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(name_of(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


FILES = [(package, path) for package, folder in FOLDERS.items() for path in sorted(folder.rglob("*.py"))]
TREES = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for _, path in FILES}
each_file = pytest.mark.parametrize(("package", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])


def test_there_are_files_to_check():
    assert {"edge_run", "edge_train"} <= {package for package, _ in FILES}
    assert len(FILES) > 30


@each_file
def test_packages_import_in_one_direction(package, path):
    allowed = MAY_IMPORT[package] | {package}
    wrong = [i for i in imports(TREES[path]) if i.top in FOLDERS and i.top not in allowed and i.level != "typing"]
    assert not wrong


@pytest.mark.parametrize("path", [p for package, p in FILES if package == "edge_run"], ids=lambda p: p.name)
def test_runtime_needs_only_its_own_dependencies(path):
    found = imports(TREES[path])
    known = sys.stdlib_module_names | RUNTIME_NEEDS | {"edge_run"}
    assert not [i for i in found if i.level == "module" and i.top not in known]
    assert not [i for i in found if i.level == "function" and i.top in TORCH]


@pytest.mark.parametrize("path", [p for package, p in FILES if package == "edge_run"], ids=lambda p: p.name)
def test_runtime_reaches_the_other_packages_through_the_cli_alone(path):
    named = {
        (node.value, node.lineno)
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        # A module's name as importlib takes it; prose has blanks.
        if node.value.partition(".")[0] in set(FOLDERS) - {"edge_run"}
    }
    if FOLDERS["edge_run"] / "cli" in path.parents:
        needed = [call.args[0] for name, call in calls(TREES[path]) if name == "need"]
        named -= {(node.value, node.lineno) for node in needed if isinstance(node, ast.Constant)}
    assert not named


@each_file
def test_nothing_that_runs_foreign_code_or_opens_a_connection(package, path):  # noqa: ARG001
    assert not [i for i in imports(TREES[path]) if i.top in FORBIDDEN]
    assert not [(name, call.lineno) for name, call in calls(TREES[path]) if name in FORBIDDEN_CALLS]
    names = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not names & (FORBIDDEN_CALLS | {"numpy.load"})


@each_file
def test_arrays_are_read_without_pickle(package, path):  # noqa: ARG001
    for name, call in calls(TREES[path]):
        if name in ("np.load", "numpy.load"):
            given = {word.arg: word.value for word in call.keywords}
            switch = given.get("allow_pickle")
            assert isinstance(switch, ast.Constant), f"line {call.lineno}"
            assert switch.value is False, f"line {call.lineno}"


def test_whole_runtime_imports_without_torch():
    folder = FOLDERS["edge_run"]
    modules = sorted(
        ".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in folder.rglob("*.py")
        if path.name != "__main__.py"
    )
    script = (
        "import importlib, sys\n"
        f"for module in {modules}:\n"
        "    importlib.import_module(module)\n"
        f"found = {sorted(TORCH | (set(FOLDERS) - {'edge_run'}))}\n"
        "sys.exit(', '.join(name for name in found if name in sys.modules) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_checks_see_what_they_look_for():
    source = """
import numpy as np
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import edge_train
else:
    import pickle
def lazy():
    from torch import nn
    np.load(path)
try:
    import edge_export.graphs.graph
except ImportError:
    pass
"""
    tree = ast.parse(source)
    assert {(i.module, i.level) for i in imports(tree)} == {
        ("numpy", "module"),
        ("typing", "module"),
        ("edge_train", "typing"),
        ("pickle", "module"),
        ("torch", "function"),
        ("edge_export.graphs.graph", "module"),
    }
    assert "np.load" in [name for name, _ in calls(tree)]
