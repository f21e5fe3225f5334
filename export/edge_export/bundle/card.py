"""What a bundle is for and what it is not, as its maker puts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_run.bundle.manifest import Card
from edge_run.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_train.run import Run


def read_card(path: Path) -> Card:
    """Read a card from JSON.

    Raises
    ------
    UsageError
        It cannot be read, or lacks a field, or has one too many.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(
            f"card {path} cannot be read: {error}",
            hint=f"give a JSON object with {', '.join(Card.__struct_fields__)}",
        ) from error


def blank_card(run: Run) -> Card:
    """A card that claims nothing."""
    return Card(
        summary=f"{', '.join(run.record.labels)}: a vote of {len(run.ensemble.members)} networks.",
        intended_use="Research use only. Not a medical device.",
        limits=("Nobody has described this bundle's limits.",),
        licence="No licence is stated.",
        training_data=run.record.data.folders,
    )
