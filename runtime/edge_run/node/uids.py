"""UIDs of the node itself."""

from __future__ import annotations

import uuid

from edge_run._version import __version__

IMPLEMENTATION_UID = f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, 'edge-run').int}"
"""(0002,0012) Implementation Class UID: a UUID-derived UID, PS3.5 B.2."""
IMPLEMENTATION_VERSION = f"EDGERUN_{__version__}"[:16]
