"""UIDs of the objects: the same inputs give the same UID, so that what is sent again replaces itself."""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://dicom.edge-run")


def derived_uid(*parts: str) -> str:
    """Derive a UID from texts: ``2.25.`` and a name-based UUID as a number (PS3.5 B.2, RFC 4122 4.3)."""
    # The length of each part keeps ("ab", "c") apart from ("a", "bc").
    name = "".join(f"{len(part)}:{part}" for part in parts)
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


IMPLEMENTATION_CLASS_UID = derived_uid("implementation")
"""(0002,0012), and what an association names."""


def implementation_version() -> str:
    """Return (0002,0013), at most 16 characters."""
    from edge_run._version import __version__

    return f"edge-run {__version__}"[:16].strip()
