"""The names that the TensorRT backend uses, held against the real bindings of several versions (surface.json).

``dump_surface.py`` says how the list was made. The class of an object is the annotation of the variable, parameter or
attribute that holds it, an alias of ``edge_run.backends.tensorrt.api``. What a call on such an object returns must be
annotated too where it is kept, or is a plain value: so nothing that TensorRT made goes unchecked.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import edge_run.backends.tensorrt
import fake_tensorrt
from edge_run.backends.tensorrt import api

HERE = Path(__file__).parent
SOURCES = sorted(Path(edge_run.backends.tensorrt.__file__).parent.glob("*.py"))
SURFACE = {
    package: {
        version: {
            kind: set(
                " ".join(kinds.get(kind, "") for having, kinds in groups.items() if version in having.split()).split()
            )
            for kind in {kind for kinds in groups.values() for kind in kinds}
        }
        for version in sorted({version for having in groups for version in having.split()})
    }
    for package, groups in json.loads((HERE / "surface.json").read_text()).items()
}
# Modules, whose own names are checked under no class.
MODULES = {"TensorRT": "tensorrt", "Cuda": "cuda"}
# Aliases of nested classes, and of what has no class of its own.
NESTED, OPAQUE = {"Severity": "ILogger.Severity"}, {"CudaValue"}
OVERRIDDEN = {"Log": "ILogger", "Monitor": "IProgressMonitor"}
# Ours, in a class that overrides one of theirs.
OURS = {"last_errors"}
# Calls that return plain values.
PLAIN = {"set_input_shape"}


class Use(NamedTuple):
    """A name that our code takes from one of theirs; ``kind`` is empty for the module itself."""

    package: str
    kind: str
    name: str


class Reader(ast.NodeVisitor):
    """Collects the uses of one module, and what it keeps without an annotation."""

    def __init__(self, tree: ast.Module) -> None:
        self.uses: set[Use] = set()
        self.unannotated: list[str] = []
        # Functions of ours that return theirs, and attributes of ours, which one class declares and others may use.
        self._returns = {node.name: alias(node.returns) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        annotated = [node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
        self._attributes = {
            ast.unparse(node.target): alias(node.annotation)
            for node in annotated
            if isinstance(node.target, ast.Attribute) and alias(node.annotation)
        }
        self._scopes: list[dict[str, str]] = [{}]
        self.visit(tree)

    def kind_of(self, node: ast.expr) -> str:
        """The alias of an expression's class; empty where it is none of theirs."""
        if isinstance(node, ast.Name):
            return next((scope[node.id] for scope in reversed(self._scopes) if node.id in scope), "")
        if isinstance(node, ast.Attribute):
            return self._attributes.get(ast.unparse(node), "")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._returns.get(node.func.id, "")
        return ""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self._scopes.append({each.arg: alias(each.annotation) for each in arguments if alias(each.annotation)})
        for child in node.body:
            self.visit(child)
        self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if node.name in OVERRIDDEN:
            methods = [each.name for each in node.body if isinstance(each, ast.FunctionDef)]
            self.uses |= {Use("tensorrt", OVERRIDDEN[node.name], n) for n in methods if n not in OURS and n[0] != "_"}
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            self._scopes[-1][node.target.id] = alias(node.annotation)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self._scopes.append({})
        for each in node.generators:
            if isinstance(each.target, ast.Name):
                self._scopes[-1][each.target.id] = self.kind_of(each.iter)
        self.generic_visit(node)
        self._scopes.pop()

    # The names are those that ast.NodeVisitor looks for.
    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        to_ours = all(ast.unparse(target) in self._attributes for target in node.targets)
        taken = node.value.func if isinstance(node.value, ast.Call) else node.value
        if not isinstance(taken, ast.Attribute) or taken.attr in PLAIN or to_ours:
            return
        if self.kind_of(taken.value) not in {"", "Cuda", *OPAQUE}:
            self.unannotated.append(ast.unparse(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        inner: list[str] = [node.attr]
        below = node.value
        # `trt.ILogger.Severity.ERROR`: the names from the module on.
        while isinstance(below, ast.Attribute) and not self.kind_of(below):
            inner.insert(0, below.attr)
            below = below.value
        kind = self.kind_of(below)
        if not kind or kind in OPAQUE or inner[-1].startswith("_") or inner[-1] in OURS:
            return
        package = MODULES.get(kind, "tensorrt")
        first, *rest = inner
        if kind in MODULES:
            self.uses.add(Use(package, first if rest else "", ".".join(rest) or first))
        else:
            self.uses.add(Use(package, NESTED.get(kind, kind), first))


def alias(annotation: ast.expr | None) -> str:
    """``Builder`` of ``api.Builder``, also in ``list[api.Builder]``; empty where it is no alias of ours."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.slice
    if isinstance(annotation, ast.Attribute) and ast.unparse(annotation.value) == "api":
        return annotation.attr if annotation.attr in ALIASES else ""
    return ""


ALIASES = {
    node.target.id
    for node in ast.walk(ast.parse(Path(api.__file__).read_text()))
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
}
READ = {path.stem: Reader(ast.parse(path.read_text())) for path in SOURCES}
USED = set().union(*(reader.uses for reader in READ.values()))


def test_versions_are_those_of_jetpack_6_and_7_and_of_the_desktop() -> None:
    assert sorted(SURFACE["tensorrt"]) == ["10.16.1.11", "10.3.0", "11.4.0.106"]
    assert sorted(SURFACE["cuda"]) == ["12.8.0", "13.5.0"]


@pytest.mark.parametrize(
    ("package", "version"), [(package, version) for package, versions in SURFACE.items() for version in versions]
)
def test_every_name_is_in_every_version(package: str, version: str) -> None:
    surface = SURFACE[package][version]
    wanted = {(kind, name) for of, kind, name in USED if of == package}
    assert len(wanted) > 15
    assert {kind for kind, _ in wanted} <= set(surface)
    assert sorted(f"{kind}.{name}" for kind, name in wanted if name not in surface[kind]) == []


def test_whatever_tensorrt_made_is_annotated() -> None:
    assert {stem: reader.unannotated for stem, reader in READ.items() if reader.unannotated} == {}


def test_every_alias_is_a_class_of_the_bindings_and_is_used() -> None:
    classes = {kind for version in SURFACE["tensorrt"].values() for kind in version}
    assert ALIASES - set(MODULES) - set(NESTED) - OPAQUE <= classes
    text = "".join(path.read_text() for path in SOURCES)
    assert {name for name in ALIASES if f"api.{name}" not in text} == set()


SOURCE = """
from . import api
def build(trt: api.TensorRT, cuda: api.Cuda) -> api.Builder:
    kept = trt.Builder(trt.ILogger.Severity.ERROR)
    layers: list[api.ILayer] = []
    names = [layer.no_such_name for layer in layers]
    cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
def use(self, trt: api.TensorRT) -> None:
    self._engine: api.ICudaEngine = trt.make()
    self._engine.run()
    build(trt).finish()
"""


def test_reader_sees_what_it_looks_for() -> None:
    reader = Reader(ast.parse(SOURCE))
    assert reader.uses == {
        Use("tensorrt", "", "Builder"), Use("tensorrt", "ILogger", "Severity.ERROR"), Use("tensorrt", "", "make"),
        Use("tensorrt", "", "ILogger"), Use("tensorrt", "ILogger", "Severity"),
        Use("tensorrt", "ILayer", "no_such_name"),
        Use("tensorrt", "ICudaEngine", "run"), Use("tensorrt", "Builder", "finish"),
        Use("cuda", "cudaMemcpyKind", "cudaMemcpyHostToDevice"), Use("cuda", "", "cudaMemcpyKind"),
    }  # fmt: skip
    assert reader.unannotated == ["kept = trt.Builder(trt.ILogger.Severity.ERROR)"]


def test_names_are_found_in_our_modules() -> None:
    seen = {(kind, name) for _, kind, name in USED}
    assert seen >= {
        ("", "Builder"), ("Builder", "build_serialized_network"), ("BuilderFlag", "GPU_FALLBACK"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"), ("ILogger", "Severity.ERROR"), ("ILogger", "log"),
        ("IProgressMonitor", "step_complete"), ("IExecutionContext", "execute_async_v3"), ("ITensor", "name"),
        ("ITimingCache", "serialize"), ("ParserError", "desc"), ("DataType", "UINT8"), ("IBuilderConfig", "DLA_core"),
        ("LayerType", "DEQUANTIZE"), ("ILayer", "num_inputs"), ("OnnxParser", "parse"), ("Runtime", "DLA_core"),
        ("cudaMemcpyKind", "cudaMemcpyHostToDevice"), ("", "cudaGraphInstantiate"), ("", "cudaGetLastError"),
    }  # fmt: skip
    # What is gone in 11.4 must not be found there.
    assert "FP16" in SURFACE["tensorrt"]["10.3.0"]["BuilderFlag"]
    assert "FP16" not in SURFACE["tensorrt"]["11.4.0.106"]["BuilderFlag"]


@pytest.mark.parametrize("version", SURFACE["tensorrt"])
def test_fake_has_only_names_of_the_real_one(version: str) -> None:
    surface = SURFACE["tensorrt"][version]
    for kind in ("Runtime", "ICudaEngine", "IExecutionContext", "DataType"):
        names = {name for name in vars(getattr(fake_tensorrt, kind)) if not name.startswith("_")}
        assert names - surface[kind] <= {"batch"}


@pytest.mark.parametrize("version", SURFACE["cuda"])
def test_fake_cuda_has_only_names_of_the_real_one(version: str) -> None:
    surface = SURFACE["cuda"][version]
    assert {name for name in vars(fake_tensorrt.FakeCuda) if name.startswith("cuda")} <= surface[""]
    for kind in ("cudaError_t", "cudaMemcpyKind", "cudaStreamCaptureMode"):
        assert set(getattr(fake_tensorrt, kind).__members__) <= surface[kind]


def test_importing_ours_imports_neither() -> None:
    modules = [f"edge_run.backends.tensorrt.{p.stem}" for p in SOURCES if p.stem != "__init__"]
    script = f"import {', '.join(modules)}, sys; sys.exit(any(n in sys.modules for n in ('tensorrt', 'cuda')))"
    subprocess.run([sys.executable, "-c", script], check=True)
