"""What a report in an archive says, read back from its content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from edge_run.node.results import codes
from edge_run.node.results.answer import Finding
from edge_run.node.results.content import hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from edge_run.cases.series import LoggedObject

MAX_ITEMS = 10_000
_PARAMETER = ("111002", "DCM")
_FINDINGS = {
    codes.PRESENT.value: Finding.PRESENT,
    codes.ABSENT.value: Finding.ABSENT,
    codes.INDETERMINATE.value: Finding.INDETERMINATE,
}
_SHOWN_UID = 8


class Reported(NamedTuple):
    """A report's statements.

    Attributes
    ----------
    uid
        Its SOP Instance UID.
    parameters
        The algorithm's: ``case``, ``chain head``, ``bundle sha256`` and so on.
    finding
        The coded finding; empty where there is none.
    probability
        None where there is none.
    flags
        Names, sorted.
    hashes
        Of the whole object.
    """

    uid: str
    parameters: dict[str, str]
    finding: str
    probability: float | None
    flags: tuple[str, ...]
    hashes: LoggedObject

    @property
    def name(self) -> str:
        """Its case, and the end of its UID, which tells two reports of one case apart."""
        case = self.parameters.get("case", "")
        return f"the report ...{self.uid[-_SHOWN_UID:]}{f' of case {case}' if case else ''}"


def read_report(dataset: Dataset) -> Reported:
    """Read a report; what it lacks is empty."""
    parameters: dict[str, str] = {}
    finding, probability, flags = "", None, []
    for item in _items(dataset):
        name = _code(item, "ConceptNameCodeSequence")
        kind = str(item.get("ValueType") or "")
        if kind == "TEXT" and name == _PARAMETER:
            key, _, value = str(item.get("TextValue") or "").partition(": ")
            parameters[key] = value
        elif kind == "CODE":
            value, scheme = _code(item, "ConceptCodeSequence")
            if name == (codes.FLAG.value, codes.PRIVATE_SCHEME):
                flags.append(value)
            elif scheme == codes.PRESENT.scheme and value in _FINDINGS:
                finding = _FINDINGS[value].value
        elif kind == "NUM" and name[0] in (codes.PROBABILITY.value, codes.CERTAINTY.value):
            scale = 100.0 if name[0] == codes.CERTAINTY.value else 1.0
            probability = _number(item, scale)
    return Reported(
        str(dataset.get("SOPInstanceUID") or ""),
        parameters,
        finding,
        probability,
        tuple(sorted(flags)),
        hashes(dataset),
    )


def _items(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the content items of a tree of any depth, at most `MAX_ITEMS`."""
    waiting, seen = list(dataset.get("ContentSequence") or ()), 0
    while waiting and seen < MAX_ITEMS:
        item = waiting.pop()
        seen += 1
        yield item
        waiting.extend(item.get("ContentSequence") or ())


def _code(item: Dataset, keyword: str) -> tuple[str, str]:
    found = item.get(keyword)
    if not found:
        return "", ""
    value = found[0].get("CodeValue") or found[0].get("LongCodeValue") or ""
    return str(value), str(found[0].get("CodingSchemeDesignator") or "")


def _number(item: Dataset, scale: float) -> float | None:
    measured = item.get("MeasuredValueSequence")
    value = measured[0].get("FloatingPointValue", measured[0].get("NumericValue")) if measured else None
    text = str(value)
    return float(text) / scale if value is not None and re.fullmatch(r"[-+0-9.eE]{1,32}", text) else None
