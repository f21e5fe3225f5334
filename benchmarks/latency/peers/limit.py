"""How fast it could be: the networks' multiply-adds at the rate of the machine's best product of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.latency import gemm
from benchmarks.latency.peers.form import Form

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from benchmarks.latency.peers.form import Call, Logits
    from benchmarks.latency.peers.material import Material

NAME = "limit of GEMM"


def forms(material: Material) -> list[Form]:
    """Each library and size; a product of n x n matrices is n cubed multiply-adds."""
    work = sum(material.macs)

    def opener(product: gemm.Product, side: int) -> Callable[[ExitStack], Call]:
        def open_(_: ExitStack) -> Call:
            multiply = product.make(side, material.cores)

            def call() -> Logits:
                multiply()
                return []

            return call

        return open_

    return [
        Form(NAME, product.precision, f"{product.library}, {n} x {n}", opener(product, n), scale=work / n**3)
        for product in gemm.PRODUCTS
        for n in gemm.SIDES
    ]
