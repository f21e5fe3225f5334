"""Switch off what dependencies report about their users, before any of them is imported.

edge-run sends nothing, and neither may what it imports: a look-up of a name already tells the network which software a
hospital runs. It is switched off always, whatever the environment says.
"""

from __future__ import annotations

import os
import sys


def switch_off() -> None:
    """Switch off the reports of ONNX Runtime, OpenVINO and Ray in this process and those that it starts.

    ONNX Runtime 1.29 and later keep a device id and a database of events in the user's cache, and look up their maker's
    collector; the variable must be set before the import. OpenVINO reports its every import to Google Analytics with
    the package ``openvino_telemetry``, and has a stub of its own for where that cannot be imported. Ray reports what a
    cluster is used for unless the variable says no.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Python's way to say that a module cannot be imported; one that is imported already stays.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def keep_caches() -> None:
    """Keep Matplotlib's list of fonts in edge-run's cache folder; for processes of edge-run's own commands only."""
    from ._files import cache_folder

    folder = cache_folder()
    if folder is not None:
        os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
