"""``edge-run node conformance``."""

from __future__ import annotations

from ._extras import need
from .node import Config
from .output import print_text


def conformance(config: Config = None) -> None:
    """Write the DICOM conformance statement, with the bounds of these settings."""
    module = need("edge_run.node.conformance", "node")
    need("pydicom", "node")
    from ._node import settings_of

    settings = settings_of(config, None, None, None, (), (), None)
    print_text(module.statement(settings).rstrip("\n"))
