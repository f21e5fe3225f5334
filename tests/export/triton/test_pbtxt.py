"""The text form of configurations."""

from __future__ import annotations

from google.protobuf import text_format
from google.protobuf.struct_pb2 import Struct

from edge_export.triton.pbtxt import Name, to_text


def test_every_kind_of_field():
    text = to_text({"name": "a", "kind": Name("KIND_CPU"), "on": True, "dims": [1, -1], "step": [{"n": 1}, {"n": 2}]})
    assert text.splitlines() == [
        'name: "a"', "kind: KIND_CPU", "on: true", "dims: [ 1, -1 ]", "step {", "  n: 1", "}", "step {", "  n: 2", "}",
    ]  # fmt: skip


def test_text_cannot_leave_its_quotation_marks():
    said = 'a"\\\n} backend: "python" \x00 Ä'
    text = to_text({"fields": [{"key": "k", "value": {"string_value": said}}]})
    assert text_format.Parse(text, Struct())["k"] == said
