"""What the vote and the configurations need to know of each member."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

from edge_export.graphs.graph import INPUT, OPSET, OUTPUTS
from edge_run.backends.checks import require_self_contained
from edge_run.backends.network import Network
from edge_run.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import BundleMember

SCAN, (LOGITS, FEATURES) = INPUT, OUTPUTS


class VotingMember(NamedTuple):
    """A member at the precision that a repository serves.

    Attributes
    ----------
    weight, temperature
        Its share of the vote, and what its logits are divided by at this precision.
    head
        ``[classes, width] float32``: the final Linear's weight.
    features
        Shape of one scan's features, ``(width, h, w)``; -1 where the network leaves a side open.
    network
        Its ONNX file at this precision.
    reference_logits
        ``[scans, classes] float32``: what it answered to the reference scans.
    """

    id: str
    weight: float
    temperature: float
    head: NDArray[np.float32]
    features: tuple[int, int, int]
    network: Network
    reference_logits: NDArray[np.float32]


def read_members(bundle: Bundle, precision: str) -> tuple[VotingMember, ...]:
    """Read the members of a bundle at one precision; a form that is not stored is derived first.

    Raises
    ------
    BundleError
        A file is damaged, or is not the graph that a bundle promises.
    """
    return tuple(_read(bundle, member, precision) for member in bundle.manifest.members)


def load_graph(network: Network) -> onnx.ModelProto:
    """Parse a network, and hold it to what a bundle promises: names, types and opset.

    Raises
    ------
    BundleError
        It is something else.
    """
    require_self_contained(network)
    try:
        model = onnx.load_model_from_string(network.model)
    except DecodeError as error:
        raise BundleError(f"{network.name} is not in the ONNX format", hint="export the bundle again") from error
    names = [i.name for i in model.graph.input], [o.name for o in model.graph.output]
    opsets = {one.domain: one.version for one in model.opset_import}
    if names != ([INPUT], list(OUTPUTS)) or opsets.get("") != OPSET:
        raise BundleError(
            f"{network.name} maps {names[0]} to {names[1]} at opset {opsets.get('')}; a repository for Triton needs "
            f"[{INPUT!r}] to {list(OUTPUTS)} at opset {OPSET}",
            hint="export the bundle again with this edge-run",
        )
    return model


def _read(bundle: Bundle, member: BundleMember, precision: str) -> VotingMember:
    network, artefact = Network.read(bundle, member, precision), member.artefacts[precision]
    model, head = load_graph(network), bundle.read_array(member.head)
    _, *sides = (d.dim_value or -1 for d in model.graph.output[1].type.tensor_type.shape.dim)
    if len(sides) != 3 or head.shape != (len(bundle.labels), sides[0]) or not np.isfinite(head).all():
        raise BundleError(
            f"the final layer of {member.id} does not fit its network: {list(head.shape)} for features of {sides}",
            hint="export the bundle again",
        )
    logits = np.array(artefact.reference_logits, np.float32)
    shape = (sides[0], sides[1], sides[2])
    return VotingMember(member.id, member.weight, artefact.temperature, head.astype(np.float32), shape, network, logits)
