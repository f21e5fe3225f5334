"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._choices import backend_names, bundle_names, precision_names

MODEL = "Bundle and backend"
READING = "Reading"
OUTPUT = "Output"
RECORD = "Case log"

_BUNDLE = "Use this bundle: a folder, a .zip, or the name of an installed one."
_PRECISION = "Use this precision: fp32, int8-cpu, ...  [default: the backend's best]"

Bundle = Annotated[str, typer.Option(help=_BUNDLE, autocompletion=bundle_names, rich_help_panel=MODEL)]
BundleArgument = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE", help="A folder, a .zip, or the name of an installed bundle.", autocompletion=bundle_names
    ),
]
Precision = Annotated[str | None, typer.Option(help=_PRECISION, autocompletion=precision_names, rich_help_panel=MODEL)]
Backend = Annotated[
    str,
    typer.Option(
        help="Run on this backend: tensorrt, tensorrt-ep, rtx, cuda, cpu or openvino; auto takes the first that runs here.",
        autocompletion=backend_names,
        rich_help_panel=MODEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Use this many cores.  [default: all that the process may use]", rich_help_panel=MODEL),
]
EarlyExit = Annotated[
    bool,
    typer.Option(
        "--early-exit",
        help="Stop as soon as the members that are left cannot change the label or a flag.",
        rich_help_panel=MODEL,
    ),
]
DecodeSeconds = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=86400,
        help="Refuse a file that takes longer than this to decode, seconds.",
        rich_help_panel=READING,
    ),
]
DecodeMemory = Annotated[
    int,
    typer.Option(
        min=64, max=2**20, help="Refuse a file that takes more than this to decode, MiB.", rich_help_panel=READING
    ),
]
DECODE_SECONDS, DECODE_MEMORY = 5.0, 512
"""Defaults, which are those of :class:`edge_run.scan.scan.Limits`; a test compares them."""
Json = Annotated[bool, typer.Option("--json", help="Write one JSON document.", rich_help_panel=OUTPUT)]
Jsonl = Annotated[
    bool,
    typer.Option("--jsonl", help="Write one JSON record per line, as soon as it is known.", rich_help_panel=OUTPUT),
]
Csv = Annotated[
    bool, typer.Option("--csv", help="Write a table for a spreadsheet, with a header.", rich_help_panel=OUTPUT)
]
Heatmap = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write a picture of each scan into this folder: where the evidence for the answer lies.",
        rich_help_panel=OUTPUT,
    ),
]
CaseLog = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Use this case log.  [default: $EDGE_RUN_CASE_LOG, or one in the user's data folder]",
        rich_help_panel=RECORD,
    ),
]
NoCaseLog = Annotated[
    bool, typer.Option("--no-case-log", help="Keep no record of the answers.", rich_help_panel=RECORD)
]
Accession = Annotated[
    str,
    typer.Option(
        "--id",
        metavar="ACCESSION",
        help="Log the cases with this accession number, as a salted hash, for edge-run cases find --id.",
        rich_help_panel=RECORD,
    ),
]
KeepImages = Annotated[
    bool, typer.Option("--keep-images", help="Keep the scans beside the case log.", rich_help_panel=RECORD)
]
