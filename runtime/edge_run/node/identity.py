"""What the node has to know of an object at once: of which study and series it is, and whether it is edge-run's own.

Only the first elements are looked at, never pixels, and never more than a bounded part: the object is untrusted.
"""

from __future__ import annotations

import io
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import InputError
from edge_run.scan.dicom.quiet import quiet

from .presentation import DEFLATED, IMPLICIT
from .results.context import MANUFACTURER

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

_UID = re.compile(r"[0-9.]{1,64}")
_KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "Modality", "Manufacturer", "StudyInstanceUID", "SeriesInstanceUID")
_LAST = 0x0020000E
_MOST_INFLATED = 2**20


class Identity(NamedTuple):
    """What an object says of itself.

    Attributes
    ----------
    is_own
        Whether edge-run made it.
    """

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    modality: str
    is_own: bool


def identify(data: bytes, syntax: str) -> Identity:
    """Read a data set's identity.

    Parameters
    ----------
    data
        Encoded in the transfer syntax, without file meta information.

    Raises
    ------
    InputError
        It cannot be parsed, or a UID is missing or malformed.
    """
    if syntax == DEFLATED:
        data = _beginning(data)
    with quiet:
        try:
            dataset = _parse(data, implicit=syntax == IMPLICIT)
            values = {keyword: str(dataset.get(keyword) or "").strip(" \0") for keyword in _KEYWORDS}
        except Exception as error:  # noqa: BLE001 - of a damaged data set pydicom raises anything
            # Its words may quote the data set.
            raise InputError(f"a data set cannot be parsed ({type(error).__name__}).") from None
    wrong = [keyword for keyword in _KEYWORDS if keyword.endswith("UID") and not _UID.fullmatch(values[keyword])]
    if wrong:
        raise InputError(f"a data set has no sound {', '.join(wrong)}.")
    return Identity(
        values["SOPClassUID"],
        values["SOPInstanceUID"],
        values["StudyInstanceUID"],
        values["SeriesInstanceUID"],
        values["Modality"].upper(),
        values["Manufacturer"] == MANUFACTURER,
    )


def _parse(data: bytes, *, implicit: bool) -> Dataset:
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    def is_past(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return int(tag) > _LAST

    tags: list[BaseTag | int] = [Tag(keyword) for keyword in _KEYWORDS]
    return read_dataset(io.BytesIO(data), implicit, True, stop_when=is_past, specific_tags=tags)


def _beginning(deflated: bytes) -> bytes:
    """Inflate the first part of a deflated data set (PS3.5 A.5); a hostile one is a thousand times as large."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, _MOST_INFLATED)
    except zlib.error:
        raise InputError("a deflated data set cannot be inflated.") from None
