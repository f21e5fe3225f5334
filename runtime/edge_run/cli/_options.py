"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Bundle = Annotated[str, typer.Option(help="Bundle: a folder, a .zip, or the name of one inside the package.")]
Precision = Annotated[str | None, typer.Option(help="fp32, int8-cpu, ...; the backend's best by default.")]
Backend = Annotated[
    str,
    typer.Option(
        help="auto, tensorrt, tensorrt-ep, rtx, cuda, cpu or openvino; auto is the first of these that runs here."
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Cores to use; all that the process may use by default.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Exit = Annotated[
    str, typer.Option(help="full: all members answer. certified: only as many as it takes to be sure of the answer.")
]
CaseLog = Annotated[
    Path | None, typer.Option(help="Case log; EDGE_RUN_CASE_LOG, or one in the user's data folder, by default.")
]
