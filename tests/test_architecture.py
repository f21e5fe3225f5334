"""The direction of imports, and what no module may do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.studies.imports import Import, circles, graph
from benchmarks.studies.imports import imports as imports_of
from benchmarks.studies.structure import PACKAGES, files_of, functions, lines, rooms_of, upward

ROOT = Path(__file__).parents[1]
FOLDERS = {package: ROOT / folder for package, folder in PACKAGES.items()}
MAY_IMPORT = {
    "edge_run": set(),
    "edge_train": {"edge_run"},
    "edge_export": {"edge_run", "edge_train"},
    "edge_explain": {"edge_run", "edge_train"},
}
BEDSIDE = {"cv2", "msgspec", "numpy", "onnxruntime", "typer"}
# typing_extensions is typer's own dependency.
RUNTIME_NEEDS = BEDSIDE | {"typing_extensions"}
DOORS = {
    "serve": {"jinja2", "markupsafe", "prometheus_client", "starlette", "uvicorn"},
    "node": {"highdicom", "prometheus_client", "pydicom", "pynetdicom"},
}
"""Rooms that need packages of an extra, and are imported only where their command is called."""
DERIVING = FOLDERS["edge_run"] / "bundle" / "derive"
"""The one folder of the runtime that needs the package onnx, and is imported only where a form is derived."""
NODE = FOLDERS["edge_run"] / "node"
"""The DICOM door: it alone speaks DICOM over the network."""
NODE_CONNECTS = {"http", "socket", "urllib"}
"""It opens the connections that a user asks for: to the peers and archives of its configuration."""
TORCH = {"captum", "lightning", "matplotlib", "onnx", "safetensors", "scipy", "torch", "torchvision"}
FORBIDDEN = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
    "socket", "urllib", "urllib3", "requests", "httpx", "http", "ftplib", "smtplib", "aiohttp",
}  # fmt: skip
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "torch.save", "__import__"}


def name_of(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain, empty where it is none."""
    if isinstance(node, ast.Attribute):
        base = name_of(node.value)
        return f"{base}.{node.attr}" if base else ""
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(name_of(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def module_of(package: str, path: Path) -> str:
    return ".".join(path.relative_to(FOLDERS[package].parent).with_suffix("").parts).removesuffix(".__init__")


FILES = [(package, path) for package, folder in FOLDERS.items() for path in sorted(folder.rglob("*.py"))]
TREES = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for _, path in FILES}
IMPORTS = graph({module_of(package, path): (TREES[path], path.stem == "__init__") for package, path in FILES})
IMPORTS_OF = {p: {name: found for name, found in IMPORTS.items() if name.partition(".")[0] == p} for p in FOLDERS}
each_file = pytest.mark.parametrize(("package", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])


def imports(path: Path) -> list[Import]:
    """All imports of a file, those from outside the packages as well."""
    return imports_of(TREES[path], ".".join(path.relative_to(ROOT).with_suffix("").parts[1:]))


def test_every_package_has_its_entry_file():
    assert [package for package, folder in FOLDERS.items() if (folder / "__init__.py") not in TREES] == []


@each_file
def test_packages_import_in_one_direction(package, path):
    allowed = MAY_IMPORT[package] | {package}
    wrong = [i for i in imports(path) if i.top in FOLDERS and i.top not in allowed and i.level != "typing"]
    assert not wrong


@pytest.mark.parametrize("path", [p for package, p in FILES if package == "edge_run"], ids=lambda p: p.name)
def test_runtime_needs_only_its_own_dependencies(path):
    found = imports(path)
    known = sys.stdlib_module_names | RUNTIME_NEEDS | {"edge_run"}
    if DERIVING in path.parents and path.name != "__init__.py":
        known |= {"onnx", "google"}
    known |= DOORS.get(path.relative_to(FOLDERS["edge_run"]).parts[0], set())
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
    forbidden = FORBIDDEN - NODE_CONNECTS if NODE in path.parents else FORBIDDEN
    assert not [i for i in imports(path) if i.top in forbidden]
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
        if path.name != "__main__.py" and (DERIVING not in path.parents or path.name == "__init__.py")
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


# The order of the rooms

ROOMS = {
    "edge_run": (
        "_version", "errors", "_text", "_files", "_telemetry",
        "machine", "scan", "voting", "metrics", "calibration", "bundle", "flags", "backends", "heatmap",
        "ensemble", "cases", "recalibrate", "watch", "node", "doctor", "bench", "batch", "serve", "cli", "__main__",
    ),
    "edge_train": ("data", "networks", "config", "run", "evaluate", "fit", "provenance", "request", "training"),
    "edge_export": ("graphs", "reporter", "triton", "scans", "gate", "flags", "bundle", "derived", "export_run"),
    "edge_explain": (
        "explanation", "progress", "settings", "find_scans", "cache", "packing", "parity", "methods", "trust", "report",
        "compute", "explain_scan",
    ),
}  # fmt: skip
"""The rooms of each package from the lowest to the highest: none may import one that stands after it."""

CIRCLES: set[tuple[str, ...]] = set()
"""Circles of files that are still there. The list may only become shorter."""

LONG_FUNCTIONS: set[str] = set()
"""Functions of 60 lines or more without their docstring that are still there. The list may only become shorter."""


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_its_place_in_the_order(package):
    assert set(rooms_of(package, IMPORTS_OF[package])) == set(ROOMS[package])


def test_the_map_in_the_documents_shows_every_room_in_order():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for package, order in ROOMS.items():
        block = text.split(f"\n{PACKAGES[package]}/\n")[1].split("\n\n")[0]
        assert tuple(re.findall(r"^  (\w+)(?:/|\.py) ", block, flags=re.MULTILINE)) == order


def test_no_room_imports_one_that_stands_above_it():
    found = {
        (package, low, high)
        for package, order in ROOMS.items()
        for low, targets in rooms_of(package, IMPORTS_OF[package]).items()
        for high in targets
        if low in order and high in order and order.index(high) > order.index(low)
    }
    assert found == set()


def test_no_files_import_each_other_in_a_circle():
    assert set(circles(files_of(IMPORTS))) == CIRCLES


# Sizes


@each_file
def test_no_file_is_over_300_lines(package, path):  # noqa: ARG001
    assert len(path.read_text().splitlines()) <= 300


def test_no_function_has_60_lines():
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {function.name}"
        for _, path in FILES
        for function in functions([TREES[path]])
        if lines(function, docstring=False) >= 60
    }
    assert found == LONG_FUNCTIONS


# The checks themselves


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
    assert {(i.module, i.level) for i in imports_of(tree)} == {
        ("numpy", "module"),
        ("typing", "module"),
        ("edge_train", "typing"),
        ("pickle", "module"),
        ("torch", "function"),
        ("edge_export.graphs.graph", "module"),
    }
    assert "np.load" in [name for name, _ in calls(tree)]


def test_relative_imports_and_imported_modules_are_resolved():
    tree = ast.parse("from . import near, name\nfrom ..far import thing\nfrom .near import value")
    known = {"a.b.near", "a.far", "a.b"}
    assert [i.module for i in imports_of(tree, "a.b.here", known=known)] == ["a.b.near", "a.b", "a.far", "a.b.near"]
    assert imports_of(ast.parse("from . import near"), "a.b", is_package=True, known=known)[0].module == "a.b.near"


def test_circles_are_found_and_chains_are_not():
    assert circles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["e"]}) == [("a", "b", "c")]
    assert circles({"a": ["b"], "b": ["c"]}) == circles({}) == []


def test_upward_arrows_are_the_fewest_of_any_order():
    assert upward({"a": {"b"}, "b": {"c"}, "c": set()}) == 0
    assert upward({"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a"}}) == 2
