"""``edge-run cases audit``: does an archive have what was logged, as it was logged, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_run.errors import GateError, UsageError

from . import _options
from ._case_options import Log, Since, existing_log, log_time
from ._extras import need
from .output import print_json, print_text, say


def audit(
    dicomweb: Annotated[
        str,
        typer.Option(
            "--dicomweb", metavar="URL", help="Root of the archive's DICOMweb service: http://pacs/dicom-web."
        ),
    ],
    since: Since = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with a bearer token for the archive.")
    ] = None,
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Fetch the node's reports from an archive, and compare each with the log.

    A report that is missing, altered or unknown is named; the exit code is then 6. Only this address is asked.
    """
    import msgspec

    from .records.audit_text import audit_text

    if not dicomweb.startswith(("http://", "https://")):
        raise UsageError(f"{dicomweb!r} is no http or https address", hint="such as http://localhost:8042/dicom-web")
    module = need("edge_run.node.audit", "node")
    archive = module.Archive(dicomweb, str(token_file or ""))
    with existing_log(case_log) as log:
        if not as_json:
            say(f"asking {archive.url} for the reports of edge-run")
        found = module.audit(log, archive.reports(), since=log_time(since))
    if as_json:
        print_json({"agree": not found.faults, **msgspec.to_builtins(found)})
    else:
        print_text(audit_text(found))
    if found.faults:
        raise GateError(
            f"archive and log disagree: {found.faults[0].message}",
            hint="what is missing may still be on its way: edge-run node status; for all else, find out who had access",
        )
