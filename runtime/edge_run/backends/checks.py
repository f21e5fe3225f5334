"""What every backend holds a network to: a file that is whole by itself, batches and outputs of the right shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import BundleError

from .onnx_file import without_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.backends.network import Network, Outputs

# What every ONNX file that refers to another file contains somewhere: the key under which a tensor names the file of
# its values, and the operator that names a compiled engine. A search of the bytes finds them in any encoding.
_REFUSED = {
    b"location": "keeps weights outside its file",
    b"EPContext": "refers to a compiled engine",
    # The one operator that can run for ever, and that not every runtime can be stopped in.
    b"Loop": "contains a loop, which no network of a bundle needs",
}
# ONNX Runtime's own format, whose external data have no such key; the marker of a FlatBuffers file.
_ORT_FORMAT = b"ORTM"
HINT = "do not use this bundle; export it again"
OUTPUT_HINT = "edge-run verify BUNDLE; then choose another --precision or --backend"


def require_self_contained(network: Network) -> None:
    """Refuse a network that could make a runtime read another file or run for ever, before any runtime sees it.

    ONNX Runtime 1.21 to 1.23 read arbitrary memory for a crafted location, and OpenVINO reads any file that is named.

    Raises
    ------
    BundleError
        The file refers to external data or to an engine, contains a loop, or is not in the ONNX format.
    """
    bare = without_weights(network.model)
    for word, reason in _REFUSED.items():
        if word in bare:
            raise BundleError(f"{network.name} {reason}", hint=HINT)
    if network.model[4:8] == _ORT_FORMAT:
        raise BundleError(f"{network.name} is not in the ONNX format", hint=HINT)


def check_batch(name: str, size: int, batch: NDArray[np.uint8]) -> None:
    """Refuse a batch that is not ``[N, 1, size, size] uint8`` with N at least 1.

    Raises
    ------
    ValueError
        The batch has another shape or dtype.
    """
    if batch.dtype != "uint8" or batch.shape[1:] != (1, size, size) or not len(batch):
        raise ValueError(f"{name} takes [N, 1, {size}, {size}] uint8, got {list(batch.shape)} {batch.dtype}")


def check_outputs(network: Network, backend: str, batch: int, outputs: Outputs) -> None:
    """Refuse what no network of the bundle may return.

    Parameters
    ----------
    batch
        Number of scans that the network answered.

    Raises
    ------
    BundleError
        Logits or features have another shape or dtype than ``[N, classes] float32`` and ``[N, width, h, w] float32``,
        or are not finite.
    """
    import numpy as np

    name = f"{network.name} on {backend}"
    for what, values, dimensions, expected in (
        ("logits", outputs.logits, 2, network.classes),
        ("features", outputs.features, 4, network.width),
    ):
        sound = values.dtype == np.float32 and values.ndim == dimensions and len(values) == batch and values.size
        if not sound or values.shape[1] != (expected or values.shape[1]):
            wanted = [batch, expected or "?", *["?"] * (dimensions - 2)]
            raise BundleError(
                f"{name} returns {what} of {list(values.shape)} {values.dtype}, expected "
                f"[{', '.join(map(str, wanted))}] float32",
                hint=HINT,
            )
        if not np.isfinite(values).all():
            raise BundleError(f"{name} returns {what} that are not finite", hint=OUTPUT_HINT)
