"""``edge-run export BUNDLE --triton REPO``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import typer

from edge_run.bundle.bundle import Bundle
from edge_run.errors import UsageError

from ._extras import need
from ._interrupt import saying_what_is_kept
from .output import Progress, print_json, say

if TYPE_CHECKING:
    from pathlib import Path


class TritonRequest(NamedTuple):
    """What the options of ``export`` ask of a repository."""

    name: str | None
    backend: str
    precision: str | None
    instances: int
    threads: int
    batch: int
    timeout_s: float
    early_exit: bool
    merged: bool


def export_triton(source: Path, repository: Path, request: TritonRequest, *, as_json: bool) -> None:
    """Write a model repository for Triton, and say how it is served."""
    if (source / "run.json").exists():
        raise UsageError(
            f"{source} is a run, and a repository is written from a bundle",
            hint=f"edge-run export {source} DATA --out BUNDLE",
        )
    writing = need("edge_export.triton", "triton")
    reporter = need("edge_export.reporter", "triton").Reporter
    with saying_what_is_kept(lambda: "nothing was written"), Progress() as progress:
        written = writing.write_repository(
            Bundle(source), repository, reporter=reporter(say, progress.show), **request._asdict()
        )
    if as_json:
        print_json({"repository": str(repository), **written._asdict(), "settings": written.settings._asdict()})
        return
    settings = written.settings
    say(f"{len(written.models)} models at {settings.precision} for {settings.backend}; clients ask {written.model}")
    if not written.heatmap:
        say("note: there is no heatmap, because the members' maps differ in size")
    if written.engines:
        say(f"note: the engines need {written.engines}, on the server too")
    typer.echo(repository)
