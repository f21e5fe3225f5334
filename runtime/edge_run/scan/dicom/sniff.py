"""Know a DICOM file from its first bytes, without pydicom."""

from __future__ import annotations

LENGTH = 132
_TEXT_VRS = frozenset({b"UL", b"OB", b"UI", b"CS", b"SH", b"LO", b"DA", b"TM", b"DT", b"ST", b"PN", b"SQ"})
_META, _IDENTIFYING = 0x0002, 0x0008
_BIG_ENDIAN = b"\x00\x08"
# (0008,0018) SOP Instance UID: a file without a preamble begins at or before it.
_LAST_FIRST = 0x0018


def is_dicom(start: bytes) -> bool:
    """Whether a file's first :data:`LENGTH` bytes are DICOM's: with its preamble, or plausibly without.

    Files without a preamble (PS3.10 does not allow them, old archives are full of them) begin with an element of group
    0002 or 0008 in one of three encodings.
    """
    if start[128:LENGTH] == b"DICM":
        return True
    if len(start) < 8:
        return False
    group, element = (int.from_bytes(start[at : at + 2], "little") for at in (0, 2))
    if start[4:6] in _TEXT_VRS:
        return group in (_META, _IDENTIFYING) or start.startswith(_BIG_ENDIAN)
    length = int.from_bytes(start[4:8], "little")
    return group == _IDENTIFYING and element <= _LAST_FIRST and 0 < length <= 64 and length % 2 == 0
