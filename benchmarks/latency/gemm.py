"""The most multiply-adds a second that a library gets out of this machine, in FP32 and in INT8.

    python -m benchmarks.latency.gemm [--rounds 5]

Square matrices, all cores, each library and size in turn. The best of them is the limit that `benchmarks.latency`
holds networks against. A convolution computed by Winograd's scheme needs fewer multiplications than are counted here,
so in FP32 the limit can in principle be passed; the INT8 kernels in question do not use it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.interleave import Stop, interleave, medians, spread
from edge_run.doctor import examine
from edge_run.machine.cores import allowed_cores

SIDES = (512, 1024, 2048)
Multiply = Callable[[], object]


class Product(NamedTuple):
    """A library's product of matrices; ``make`` takes side and threads, and gives the call."""

    library: str
    precision: str
    make: Callable[[int, int], Multiply]


def _torch_fp32(n: int, threads: int) -> Multiply:
    import torch

    torch.set_num_threads(threads)
    a, b = torch.rand(n, n), torch.rand(n, n)
    out = torch.empty(n, n)
    return lambda: torch.mm(a, b, out=out)


def _numpy_fp32(n: int, _: int) -> Multiply:
    a, b = np.random.default_rng(0).random((2, n, n), dtype=np.float32)
    out = np.empty((n, n), np.float32)
    return lambda: np.matmul(a, b, out=out)


def _torch_int8(n: int, threads: int) -> Multiply:
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randint(-127, 127, (2, n, n), dtype=torch.int8)
    return lambda: torch._int_mm(a, b)  # noqa: SLF001 - the only product of int8 tensors there is


def _onnxruntime(n: int, threads: int, kind: str) -> Multiply:
    """One node whose right matrix is a constant, as a network's weights are, so that it is packed beforehand."""
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    if kind == "FP32":
        node, left, out = "MatMul", TensorProto.FLOAT, TensorProto.FLOAT
        a, b = rng.random((2, n, n), dtype=np.float32)
    else:
        node, left, out = "MatMulInteger", TensorProto.UINT8, TensorProto.INT32
        a, b = rng.integers(0, 256, (n, n), dtype=np.uint8), rng.integers(-127, 127, (n, n), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node(node, ["a", "b"], ["c"])],
        "gemm",
        [helper.make_tensor_value_info("a", left, [n, n])],
        [helper.make_tensor_value_info("c", out, [n, n])],
        [numpy_helper.from_array(b, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"a": a})


PRODUCTS = (
    Product("PyTorch", "FP32", _torch_fp32),
    Product("NumPy", "FP32", _numpy_fp32),
    Product("ONNX Runtime", "FP32", lambda n, threads: _onnxruntime(n, threads, "FP32")),
    Product("PyTorch", "INT8", _torch_int8),
    Product("ONNX Runtime", "INT8", lambda n, threads: _onnxruntime(n, threads, "INT8")),
)


def main(rounds: int) -> None:
    """Time all in turn and print a table."""
    cores = allowed_cores()
    ways = {(p.precision, p.library, n): p.make(n, cores) for p in PRODUCTS for n in SIDES}
    taken = interleave(ways, Stop(rounds, 0.0))
    machine = examine()
    print(f"{machine.cpu}, {cores} cores, {rounds} rounds of 3; thousand million multiply-adds a second\n")
    print("| precision | library | n | median | least | most |\n|---|---|---|---|---|---|")
    for (precision, library, n), blocks in taken.items():
        rate = spread(n**3 / medians(blocks) / 1e6)
        print(f"| {precision} | {library} | {n} | {rate.median:.1f} | {rate.least:.1f} | {rate.most:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
