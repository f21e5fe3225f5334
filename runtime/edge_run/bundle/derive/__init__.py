"""Every form of a network from the one that a bundle stores, ``int8-cpu``, derived on the device that needs it.

The kernels are the same numbers in every form; what differs is only the arithmetic. Nothing but this folder needs the
package ``onnx``, so it is imported when a form is derived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import BackendError, BundleError

if TYPE_CHECKING:
    from collections.abc import Collection

SOURCE = "int8-cpu"
"""The form that is stored."""

FORMS = ("fp32", "fp16", "int8-trt", "int8-trt-fp16")
"""The forms that are derived from it."""


def derive(stored: bytes, form: str, float_layers: Collection[str] = ()) -> bytes:
    """Derive one form of a network.

    Parameters
    ----------
    stored
        Its ``int8-cpu`` ONNX file.
    form
        One of `FORMS`.
    float_layers
        Names of the layers that the bundle keeps in float; they stay float in every form.

    Returns
    -------
    The ONNX file of the form: the same bytes for the same input and the same version of ``onnx``.

    Raises
    ------
    BackendError
        The package ``onnx`` is not installed.
    BundleError
        The file is no ``int8-cpu`` artefact of edge-run.
    """
    if form not in FORMS:
        raise ValueError(f"{form!r} is not one of {', '.join(FORMS)}")
    try:
        from .float32 import to_float
    except ModuleNotFoundError as error:
        raise BackendError(
            f"deriving {form} from {SOURCE} needs the package {error.name}, which is not installed",
            hint="pip install 'onnx>=1.17,<2', which the extras tensorrt, openvino and explain bring",
        ) from error
    graph = to_float(stored)
    model = graph.model
    if form.startswith("int8-trt"):
        from .int8_trt import quantise_for_tensorrt

        try:
            quantise_for_tensorrt(model, graph.ranges, float_layers, graph.kernels)
        except KeyError as error:
            raise BundleError(
                f"{SOURCE} does not say in which range {error} lies", hint="export the bundle again"
            ) from error
    if form.endswith("fp16"):
        from .fp16 import to_fp16

        model = to_fp16(model)
    return bytes(model.SerializeToString(deterministic=True))
