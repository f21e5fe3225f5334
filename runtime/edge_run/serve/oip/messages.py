"""Requests and responses of the protocol: JSON, and after it the raw bytes of tensors (``binary_tensor_data``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_run.serve.refusals import RefusedError

from .tensors import Tensor, from_binary, from_json, to_binary, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER_LENGTH = "Inference-Header-Content-Length"
"""Header of a request or a response with raw bytes: how many bytes of JSON come before them."""
MAX_DIGITS = 19
MAX_JSON = 16 * 2**20
"""Bytes: a number in JSON takes ten times its memory once it is read."""
Parameters = dict[str, bool | int | float | str]


class InputTensor(msgspec.Struct):
    """An input as it is written in JSON; its values stand in ``data``, or behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: list[Any] | None = None


class WantedOutput(msgspec.Struct):
    """An output that is asked for."""

    name: str
    parameters: Parameters = {}

    @property
    def classes(self) -> int:
        """How many of the best classes are wanted in place of the tensor (``classification``).

        0: the tensor is wanted; -1: what was given is no number.
        """
        found = self.parameters.get("classification", 0)
        return found if isinstance(found, int) and not isinstance(found, bool) else -1


class Question(msgspec.Struct):
    """A request for inference."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: Parameters = {}
    outputs: list[WantedOutput] = []

    def is_binary(self, wanted: WantedOutput) -> bool:
        """Whether an output is wanted as raw bytes."""
        return bool(wanted.parameters.get("binary_data", self.parameters.get("binary_data_output", False)))


def read_question(body: bytes, header_length: str | None) -> tuple[Question, list[Tensor]]:
    """Read a request and its input tensors.

    Parameters
    ----------
    header_length
        The header `HEADER_LENGTH`; None: all of the body is JSON.

    Raises
    ------
    RefusedError
        Something is not as the protocol has it, or the JSON is larger than `MAX_JSON`.
    """
    length = len(body)
    if header_length is not None:
        # Its length first: Python refuses to convert thousands of digits.
        number = len(header_length) <= MAX_DIGITS and header_length.isascii() and header_length.isdigit()
        length = int(header_length) if number else -1
        if not 0 <= length <= len(body):
            raise RefusedError(400, f"{HEADER_LENGTH} is not a length within the body")
    if length > MAX_JSON:
        raise RefusedError(413, f"the JSON is larger than {MAX_JSON // 2**20} MiB", hint="send tensors as binary data")
    try:
        question = msgspec.json.decode(body[:length], type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, f"the request is not JSON as the protocol has it: {error}") from error
    return question, _tensors(question.inputs, body[length:])


def write_answer(about: dict[str, Any], outputs: Sequence[tuple[Tensor, bool]]) -> tuple[bytes, dict[str, str]]:
    """Write a response: the body and its headers.

    Parameters
    ----------
    about
        Model, version and the request's id.
    outputs
        Tensors, each with whether it is written as raw bytes.
    """
    described, raw = [], b""
    for tensor, binary in outputs:
        one: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        if binary:
            data = to_binary(tensor)
            raw += data
            one["parameters"] = {"binary_data_size": len(data)}
        else:
            one["data"] = to_json(tensor)
        described.append(one)
    header = msgspec.json.encode({**about, "outputs": described})
    if not any(binary for _, binary in outputs):
        return header, {"Content-Type": "application/json"}
    return header + raw, {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}


def _tensors(inputs: Sequence[InputTensor], raw: bytes) -> list[Tensor]:
    found, at = [], 0
    for one in inputs:
        if any(name.startswith("shared_memory") for name in one.parameters):
            raise RefusedError(400, f"input {one.name}: shared memory is not offered", hint="send the tensor itself")
        size = one.parameters.get("binary_data_size")
        if size is None:
            if one.data is None:
                raise RefusedError(400, f"input {one.name} has no data")
            found.append(from_json(one.name, one.datatype, one.shape, one.data))
            continue
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(raw) - at:
            raise RefusedError(400, f"input {one.name}: binary_data_size is not a length within the body")
        if one.data is not None:
            raise RefusedError(400, f"input {one.name} has data and binary_data_size")
        found.append(from_binary(one.name, one.datatype, one.shape, raw[at : at + size]))
        at += size
    if at != len(raw):
        raise RefusedError(400, f"{len(raw) - at} bytes behind the inputs belong to none of them")
    return found
