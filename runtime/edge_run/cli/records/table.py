"""Answers and cases as rows of a table: a column for each class and member, and no JSON in any cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_run.cli.output import Record

    Row = dict[str, object]

MEASURES = ("score", "confidence", "disagreement", "distance")
ANSWER = ("label", "probability", "low", "high", "flags", "reasons")
SOURCE = (
    "bundle",
    "bundle_sha256",
    "bundle_parent_sha256",
    "precision",
    "backend",
    "skipped_backends",
    "version",
    "scan_sha256",
    "ms",
)
PREDICTION = (("path", "case", "series"), ("heatmap", "error", "error_message"))
CASE = (("case", "utc"), ("kept_image", "noted_label", "remark", "seq", "hash"))


class Table(NamedTuple):
    """Which columns there are.

    Attributes
    ----------
    first, last
        Columns before the answer and after its source.
    labels, members
        Classes, and ids of members: ``p_covid``, ``resnet18_p_covid``.
    """

    first: Sequence[str]
    last: Sequence[str]
    labels: Sequence[str]
    members: Sequence[str]

    @classmethod
    def of(cls, kind: tuple[Sequence[str], Sequence[str]], records: Iterable[Record]) -> Table:
        """Return the table that holds all of some cases, whatever bundles answered them."""
        labels: dict[str, None] = {}
        members: dict[str, None] = {}
        for record in records:
            labels |= dict.fromkeys(record["probabilities"])
            members |= dict.fromkeys(member["id"] for member in record["members"])
        return cls(*kind, tuple(labels), tuple(members))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        voted = [f"p_{label}" for label in self.labels]
        single = [f"{member}_p_{label}" for member in self.members for label in self.labels]
        return (*self.first, *ANSWER, *voted, *single, *MEASURES, *SOURCE, *self.last)


def row(record: Record) -> Row:
    """Return the cells of a record of ``predict`` or of the case log, by column; those that it lacks are left out."""
    if "error" in record:
        error = record["error"]
        return {"path": record["path"], "error": error["kind"], "error_message": error["message"]}
    if "series" in record:
        series = record["series"]
        return {"path": record["path"], "series": series["slices"], **_answer(series)}
    last_note = record["notes"][-1] if record.get("notes") else {}
    interval = record["interval"] or (None, None)
    return {
        **{name: value for name, value in record.items() if value is None or isinstance(value, str | int | float)},
        **_answer(record),
        "case": record.get("id", record.get("case")),
        "low": interval[0],
        "high": interval[1],
        **{
            f"{member['id']}_p_{label}": p
            for member in record["members"]
            for label, p in member["probabilities"].items()
        },
        **record["measures"],
        "skipped_backends": "; ".join(f"{one['backend']}: {one['reason']}" for one in record["skipped_backends"]),
        "ms": _total_ms(record),
        "noted_label": last_note.get("label"),
        "remark": last_note.get("remark"),
    }


def _total_ms(record: Record) -> float | None:
    """How long an answer took; None in an archive's answers, which are the same however long they took."""
    times: dict[str, float] = record.get("timing_ms", {})
    return times.get("total", sum(times.values())) if times else None


def _answer(record: Record) -> Row:
    return {
        "label": record["label"],
        "probability": record["probability"],
        "flags": "; ".join(flag["name"] for flag in record["flags"]),
        "reasons": "; ".join(flag["reason"] for flag in record["flags"]),
        **{f"p_{label}": p for label, p in record["probabilities"].items()},
    }
