"""Every artefact for TensorRT, of every network, through the builder of ``edge-run compile``.

NVIDIA's parser and builder run here without a GPU: TensorRT-RTX stands in the place of TensorRT.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch

from edge_export.gate.precisions import RECIPES
from edge_export.graphs.ranges import measure_ranges
from edge_export.graphs.to_onnx import to_onnx
from edge_run import Bundle
from edge_run.backends.network import Network
from edge_run.backends.tensorrt.build import build
from edge_run.backends.tensorrt.engines import Options, allows_tf32
from edge_run.backends.tensorrt.precisions import PRECISIONS
from edge_run.bundle.derive import FORMS, derive
from edge_run.errors import BackendError
from edge_train import Member

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

# TensorRT-RTX keeps no timing cache, and says so of the calls that TensorRT needs.
pytestmark = pytest.mark.filterwarnings("ignore:.*Timing cache:DeprecationWarning")

SIZE = 64
CONVOLUTIONS = {"resnet18": 20, "googlenet": 57, "resnet50": 53, "resnet101": 104}


class Artefacts(NamedTuple):
    """One network at every precision of the recipes."""

    arch: str
    models: dict[str, Path]

    def network(self, precision: str) -> Network:
        return Network(self.models[precision].read_bytes(), f"{self.arch}.{precision}", precision, SIZE)


@pytest.fixture(scope="module")
def rtx() -> Iterator[ModuleType]:
    """``tensorrt`` is TensorRT-RTX."""
    module: ModuleType = pytest.importorskip("tensorrt_rtx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tensorrt", module)
        yield module


@pytest.fixture(scope="module", params=CONVOLUTIONS)
def artefacts(
    request: pytest.FixtureRequest,
    one_thread: None,  # noqa: ARG001 - only its effect
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Artefacts]:
    """A network of random weights at every precision, traced once."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    fp32 = folder / "traced.onnx"
    to_onnx(Member(request.param, 2), fp32, SIZE)
    scans = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE), dtype=np.uint8)
    ranges = measure_ranges(fp32, scans, ["minmax"])["minmax"]
    models = {precision: folder / f"{precision}.onnx" for precision in RECIPES}
    for precision, path in models.items():
        RECIPES[precision].build(fp32, path, ranges, ())
    yield Artefacts(request.param, models)
    for path in folder.iterdir():
        path.unlink()


def test_recipes_hold_what_tensorrt_runs_and_one_for_processors() -> None:
    assert set(RECIPES) == {*PRECISIONS, "int8-cpu"}


@pytest.mark.usefixtures("rtx")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_artefact_builds_and_int8_reaches_every_convolution(artefacts: Artefacts, precision: str) -> None:
    built = build(artefacts.network(precision), Options(allows_tf32(precision)))
    assert built is not None
    assert built.plan
    convolutions = CONVOLUTIONS[artefacts.arch]
    assert (built.convolutions, built.quantised) == (convolutions, convolutions if "int8" in precision else 0)


@pytest.mark.usefixtures("rtx")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("member", CONVOLUTIONS)
def test_forms_derived_from_the_embedded_bundle_build(member: str, form: str) -> None:
    bundle = Bundle()
    artefact = next(m for m in bundle.manifest.members if m.id == member).artefacts["int8-cpu"]
    kept = artefact.quantisation.float_layers if artefact.quantisation else ()
    network = Network(derive(bundle.read(artefact.file), form, kept), f"{member}.{form}", form, 224)
    built = build(network, Options(allows_tf32(form)))
    assert built is not None
    convolutions = CONVOLUTIONS[member]
    in_float = sum("Conv" in layer for layer in kept)
    assert (built.convolutions, built.quantised) == (convolutions, convolutions - in_float if "int8" in form else 0)


@pytest.mark.usefixtures("rtx")
def test_artefact_for_processors_is_refused(artefacts: Artefacts) -> None:
    with pytest.raises(BackendError, match=rf"cannot read {artefacts.arch}\.int8-cpu: .*(?i:zero.?point|uint8)"):
        build(artefacts.network("int8-cpu"), Options(tf32=True))
