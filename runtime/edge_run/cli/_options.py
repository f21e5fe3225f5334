"""Options that several commands share."""

from __future__ import annotations

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
