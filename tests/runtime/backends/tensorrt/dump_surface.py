"""Write ``surface.json``: the public names of TensorRT's and CUDA's Python bindings, by version.

Only names are kept, no code: for the module and each of its classes, what ``dir`` lists. The wheels hold no TensorRT;
their extension module is loaded with stand-ins for the libraries it is linked to, which is enough to look at it. Needs
gcc, nm and the interpreter that the wheels are for. How it was made::

    pip download --no-deps tensorrt_cu12_bindings==10.3.0 tensorrt_cu12_bindings==10.16.1.11 (one by one)
    pip download --no-deps tensorrt_cu13_bindings==11.4.0.106
    pip download --no-deps cuda-bindings==12.8.0, cuda-bindings==13.5.0 (one by one)
    python dump_surface.py *.whl
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TENSORRT = re.compile(r"\w+_INTERNAL|get\w*PluginRegistry|getNv\w+|initLibNv\w+")
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
# Of CUDA's thousands of names: its functions, and the members of what we use.
CUDA_CLASSES = ("cudaDeviceProp", "cudaError_t", "cudaMemcpyKind", "cudaStreamCaptureMode")
# Layers and plugins are the parser's business, not ours.
LEFT_OUT = re.compile(r"I\w+Layer|\w*(Plugin|Dims|Operation|Mode_)\w*|Permutation|Weights|.*DEPRECATED.*")

LOOK = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
names = [n for n in dir(module) if not n.startswith("_")]
classes = {n: getattr(module, n) for n in names if isinstance(getattr(module, n), type)}
def members(kind, outer):
    for n in dir(kind):
        if not n.startswith("_"):
            yield outer + n
            if isinstance(getattr(kind, n), type) and getattr(kind, n).__qualname__ != kind.__qualname__:
                yield from members(getattr(kind, n), outer + n + ".")
print(json.dumps({"": names} | {n: sorted(set(members(k, ""))) for n, k in classes.items()}))
"""


def stand_ins(folder: Path, major: str) -> None:
    """Compile libraries that have the symbols the bindings look for in them, and do nothing."""
    extension = folder / "tensorrt_bindings" / "tensorrt.so"
    asked = subprocess.run(["nm", "-D", "--undefined-only", extension], check=True, stdout=subprocess.PIPE, text=True)
    symbols = {line.split()[-1] for line in asked.stdout.splitlines()}
    source = folder / "nothing.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in symbols if TENSORRT.fullmatch(name)))
    for library in LIBRARIES:
        name = f"lib{library}.so.{major}"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", folder / name, source], check=True, cwd=folder
        )


def look(wheel: Path) -> tuple[str, str, dict[str, list[str]]]:
    """Return package, version, and names by class of one wheel."""
    package, version = wheel.name.split("-")[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zipfile.ZipFile(wheel).extractall(folder)
        is_cuda = package.startswith("cuda")
        if not is_cuda:
            stand_ins(folder, version.partition(".")[0])
        module = "cuda.bindings.runtime" if is_cuda else "tensorrt_bindings"
        done = subprocess.run(
            [sys.executable, "-c", LOOK, module],
            env=os.environ | {"LD_LIBRARY_PATH": name, "PYTHONPATH": name},
            check=True,
            stdout=subprocess.PIPE,
        )
    surface = json.loads(done.stdout)
    if is_cuda:
        surface = {n: surface[n] for n in ("", *CUDA_CLASSES)}
        surface[""] = [n for n in surface[""] if re.fullmatch(r"cuda(Get|Malloc|Free|Host|Memcpy|Stream|Graph)\w*", n)]
        surface[""] += CUDA_CLASSES
    else:
        surface = {n: names for n, names in surface.items() if not LEFT_OUT.fullmatch(n)}
        surface[""] = [n for n in surface[""] if not LEFT_OUT.fullmatch(n)]
    return "cuda" if is_cuda else "tensorrt", version, surface


def together(surfaces: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, str]]:
    """Group names by the versions that have them, which are nearly always all."""
    grouped: dict[str, dict[str, list[str]]] = {}
    for kind in sorted({kind for surface in surfaces.values() for kind in surface}):
        for name in sorted({n for surface in surfaces.values() for n in surface.get(kind, ())}):
            having = " ".join(v for v, surface in surfaces.items() if name in surface.get(kind, ()))
            grouped.setdefault(having, {}).setdefault(kind, []).append(name)
    return {having: {kind: " ".join(names) for kind, names in kinds.items()} for having, kinds in grouped.items()}


def main() -> None:
    """Look at the wheels that are given."""
    found: dict[str, dict[str, dict[str, list[str]]]] = {"tensorrt": {}, "cuda": {}}
    for wheel in sys.argv[1:]:
        package, version, surface = look(Path(wheel))
        found[package][version] = surface
    in_order = {
        package: dict(sorted(surfaces.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
        for package, surfaces in found.items()
    }
    text = json.dumps({package: together(surfaces) for package, surfaces in in_order.items()}, indent=1)
    Path(__file__).with_name("surface.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
