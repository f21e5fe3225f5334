"""Text that comes from elsewhere reaches no terminal, spreadsheet or reader as more than text."""

import csv
import io
import json

import pytest

from edge_run._text import json_text, printable, table_cell

HARMFUL = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF)]
HARMFUL += [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xE0001)]


@pytest.mark.parametrize("character", HARMFUL, ids=lambda c: f"U+{ord(c):04X}")
def test_nothing_that_is_not_printable_passes(character):
    text = f"a{character}b"
    assert printable(text).isprintable()
    assert table_cell(text).isprintable()
    document = json_text(json.dumps({text: [text]}, ensure_ascii=False))
    assert document.isprintable()
    assert json.loads(document) == {text: [text]}


@pytest.mark.parametrize("text", ["plain", "Größe 5 µm", "肺部.png", "Ω→∞", ""])
def test_ordinary_text_is_unchanged(text):
    assert printable(text) == table_cell(text) == json_text(text) == text


def test_layout_of_a_document_is_unchanged():
    document = json.dumps({"ä": [1, {"b": "c"}]}, indent=2, ensure_ascii=False)
    assert json_text(document) == document


@pytest.mark.parametrize(
    "text", ["=1+2", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "\uff1d1+2"]
)
def test_formulas_are_text(text):
    file = io.StringIO()
    csv.writer(file).writerow([table_cell(text)])
    (read,) = next(csv.reader(io.StringIO(file.getvalue())))
    assert read.startswith("'")


@pytest.mark.parametrize("value", [-0.25, 3, None, True, "-", "a=b", "1-2"])
def test_numbers_and_harmless_cells_are_unchanged(value):
    assert table_cell(value) == value
