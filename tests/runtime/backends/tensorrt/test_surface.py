"""The names that the TensorRT backend uses, held against the real bindings of several versions (surface.json).

``dump_surface.py`` says how the list was made. What an object is, is told by the name of the variable that holds it, or
by the method that returned it; both tables are here, and one that nothing uses any more fails.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import edge_run.backends.tensorrt
import fake_tensorrt

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
TENSORRT, CUDA = ("trt", "self._trt"), ("cuda", "self._cuda")
VARIABLES = {
    "builder": "Builder", "parsed": "INetworkDefinition", "parser": "OnnxParser", "config": "IBuilderConfig",
    "layer": "ILayer", "source": "ITensor", "profile": "IOptimizationProfile", "fault": "ParserError",
    "self._runtime": "Runtime", "self._engine": "ICudaEngine", "self._context": "IExecutionContext",
    "kinds": "DataType",
}  # fmt: skip
RETURNS = {"get_output": "ITensor", "get_input": "ITensor", "get_timing_cache": "ITimingCache"}
OVERRIDDEN = {"Log": "ILogger", "Monitor": "IProgressMonitor"}
# Ours, in a class that overrides one of theirs.
OURS = {"last_errors"}


def spelt(node: ast.expr) -> str:
    return ast.unparse(node)


def kind_of(node: ast.expr) -> str | None:
    """The class of TensorRT that an expression is of, as far as names tell."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return RETURNS.get(node.func.attr)
    return VARIABLES.get(spelt(node))


def used() -> list[tuple[str, str, str, str]]:
    """(package, class or nothing for the module, name, what says so) of all that our modules touch."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name in OVERRIDDEN:
                methods = [each.name for each in node.body if isinstance(each, ast.FunctionDef)]
                kind = OVERRIDDEN[node.name]
                found += [("tensorrt", kind, name, node.name) for name in methods if name not in OURS]
            if not isinstance(node, ast.Attribute):
                continue
            root, _, inner = spelt(node).rpartition(f".{node.attr}")[0].partition("trt.")
            if spelt(node.value) in TENSORRT:
                found.append(("tensorrt", "", node.attr, "trt"))
            elif spelt(node.value) in CUDA:
                found.append(("cuda", "", node.attr, "cuda"))
            elif inner and root in ("", "self._") and not isinstance(node.value, ast.Call):
                kind, _, nested = inner.partition(".")
                found.append(("tensorrt", kind, f"{nested}.{node.attr}" if nested else node.attr, "trt"))
            elif isinstance(node.value, ast.Attribute) and spelt(node.value.value) in CUDA:
                found.append(("cuda", node.value.attr, node.attr, "cuda"))
            elif kind_of(node.value) is not None:
                found.append(("tensorrt", kind_of(node.value) or "", node.attr, spelt(node.value)))
    return [each for each in found if not each[2].startswith("_")]


USED = used()


def test_versions_are_those_of_jetpack_6_and_7_and_of_the_desktop() -> None:
    assert sorted(SURFACE["tensorrt"]) == ["10.16.1.11", "10.3.0", "11.4.0.106"]
    assert sorted(SURFACE["cuda"]) == ["12.8.0", "13.5.0"]


@pytest.mark.parametrize(
    ("package", "version"), [(package, version) for package, versions in SURFACE.items() for version in versions]
)
def test_every_name_is_in_every_version(package: str, version: str) -> None:
    surface = SURFACE[package][version]
    wanted = {(kind, name) for of, kind, name, _ in USED if of == package}
    assert len(wanted) > 15
    assert {kind for kind, _ in wanted} <= set(surface)
    assert sorted(f"{kind}.{name}" for kind, name in wanted if name not in surface[kind]) == []


def test_check_sees_what_it_looks_for() -> None:
    seen = {(kind, name) for _, kind, name, _ in USED}
    assert seen >= {
        ("", "Builder"), ("Builder", "build_serialized_network"), ("BuilderFlag", "GPU_FALLBACK"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"), ("ILogger", "Severity.ERROR"), ("ILogger", "log"),
        ("IProgressMonitor", "step_complete"), ("IExecutionContext", "execute_async_v3"), ("ITensor", "name"),
        ("ITimingCache", "serialize"), ("ParserError", "desc"), ("DataType", "UINT8"), ("IBuilderConfig", "DLA_core"),
        ("cudaMemcpyKind", "cudaMemcpyHostToDevice"), ("", "cudaGraphInstantiate"), ("", "cudaGetLastError"),
    }  # fmt: skip
    told = {by for *_, by in USED}
    assert told >= set(VARIABLES) | set(OVERRIDDEN)
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
    modules = [
        "edge_run.backends.tensorrt.backend",
        *(f"edge_run.backends.tensorrt.{p.stem}" for p in SOURCES if p.stem != "__init__"),
    ]
    script = f"import {', '.join(modules)}, sys; sys.exit(any(n in sys.modules for n in ('tensorrt', 'cuda')))"
    subprocess.run([sys.executable, "-c", script], check=True)
