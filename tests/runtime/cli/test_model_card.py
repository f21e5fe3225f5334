"""A bundle's model card says what its manifest stores, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge_run.bundle.bundle import Bundle
from edge_run.cli.records.model_card import model_card
from toy import edge_run, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
CARDS = ROOT / "docs" / "cards"


@pytest.mark.parametrize("card", sorted(CARDS.glob("*.md")), ids=lambda path: path.stem)
def test_committed_card_is_current(card: Path) -> None:
    """Written by ``edge-run info NAME --card > docs/cards/NAME.md``."""
    assert card.read_text() == model_card(Bundle(card.stem)) + "\n"


def test_embedded_bundle_has_a_card() -> None:
    assert (CARDS / "ct-covid.md").exists()


def toy(tmp_path: Path, change: Callable[[dict[str, Any]], None] | None = None) -> str:
    return model_card(Bundle(write_toy_bundle(tmp_path / "toy", members=2, mutate=change)))


def test_what_is_not_stored_is_said_with_the_command_that_measures_it(tmp_path: Path) -> None:
    def bare(manifest: dict[str, Any]) -> None:
        manifest["evaluation"] = {}

    text = toy(tmp_path, bare)
    assert "No figure is stored. `edge-run evaluate toy DATA...` measures them." in text
    assert "does not store it: `edge-run evaluate toy DATA...` measures it" in text
    assert "what they catch is not stored" in text


def test_shortcut_control_stands_before_the_figures(tmp_path: Path) -> None:
    def controlled(manifest: dict[str, Any]) -> None:
        figures = {"auroc": {"value": 0.62, "low": 0.5, "high": 0.7}}
        manifest["border_only"] = {"split": "val", "scans": 9, "figures": figures}

    text = toy(tmp_path, controlled)
    assert "On 9 scans of the split `val`: AUROC 0.620 (0.500 to 0.700), accuracy not available." in text
    assert text.index("## Shortcut control") < text.index("## Measured")


def test_undefined_figure_is_not_a_number(tmp_path: Path) -> None:
    text = toy(tmp_path)
    assert "| accuracy | 1.000 (0.900 to 1.000) | 1.000 (0.900 to 1.000) |" in text
    assert "| AUROC | not available | not available |" in text
    assert "on it are too good" in text


def test_texts_of_a_bundle_are_no_markup(tmp_path: Path) -> None:
    def hostile(manifest: dict[str, Any]) -> None:
        manifest["card"]["summary"] = "# Approved\n<script>|`rm`\x1b[2J"
        manifest["provenance"]["train_command"] = "```\n# More"

    text = toy(tmp_path, hostile)
    assert text.count("\n# ") == 0
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\x1b" not in text
    assert text.count("```") == 2


def test_command_writes_the_card(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=2)
    done = edge_run(capsys, "info", folder, "--card")
    assert done.code == 0
    assert done.out == model_card(Bundle(folder)) + "\n"
    assert edge_run(capsys, "info", folder, "--card", "--json").code == 2
