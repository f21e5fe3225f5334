"""``edge-run node status`` and ``edge-run node check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import GateError

from . import _options
from ._extras import need
from .node import AeTitle, Config, Folder, Port
from .output import Format, Sink, print_json, print_text

if TYPE_CHECKING:
    from edge_run.node.settings import Destination, Peer, Settings


def status(config: Config = None, folder: Folder = None, as_json: _options.Json = False) -> None:
    """Show what was received, what waits, and what is stuck."""
    from edge_run.node.database import Database
    from edge_run.node.status import status_of

    from ._node import settings_of
    from .records.node_text import status_text

    settings = settings_of(config, None, None, None, (), (), folder)
    with Database(settings.place, create=False) as database:
        record = status_of(database)
    if as_json:
        print_json(record)
    else:
        print_text(status_text(record))


def check(
    peer: Annotated[
        str,
        typer.Argument(
            metavar="PEER",
            help="Name of a peer or destination of --config, or AETITLE@HOST:PORT, or a DICOMweb address.",
        ),
    ],
    config: Config = None,
    ae_title: AeTitle = None,
    port: Port = None,
    store: Annotated[
        bool, typer.Option("--store", help="Store an object of no patient in the archive, and verify that it has it.")
    ] = False,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Wait so many seconds for the peer's own C-ECHO.")] = 0.0,
    as_json: _options.Json = False,
) -> None:
    """Check a connection step by step, and name the mistake from both sides' view."""
    from ._node import EXTRA, settings_of
    from .records.node_text import step_text

    settings = settings_of(config, ae_title, None, port, (), (), None)
    need("pynetdicom", EXTRA)
    from edge_run.node.check import local

    destination, sender = _found(settings, peer)
    wrong = 0
    with Sink(Format.JSON if as_json else Format.TEXT, step_text) as sink:
        steps = [local.disk(settings), local.clock()]
        for step in steps:
            sink.write(step.to_dict())
        wrong += sum(step.state.name == "FAILED" for step in steps)
        if destination is not None:
            from edge_run.node.check.outgoing import check_destination

            for step in check_destination(settings, destination, store=store):
                sink.write(step.to_dict())
                wrong += step.state.name == "FAILED"
        if wait:
            from edge_run.node.check.incoming import wait_for_call

            for step in wait_for_call(settings, sender, wait):
                sink.write(step.to_dict())
                wrong += step.state.name == "FAILED"
    if wrong:
        raise GateError(f"{wrong} step{'s' * (wrong > 1)} failed", hint="correct the first, then check again")


def _found(settings: Settings, name: str) -> tuple[Destination | None, Peer]:
    """Find whom a name means: an archive, a sender, or both."""
    from edge_run.errors import UsageError
    from edge_run.node.parsing import destination_of
    from edge_run.node.settings import ANYBODY_HERE, Peer

    destination = next((one for one in settings.destinations if one.name == name), None)
    peer = next((one for one in settings.peers if one.name == name), None)
    if destination is None and peer is None:
        if "@" not in name and "://" not in name:
            names = {one.name for one in settings.destinations} | {one.name for one in settings.peers}
            known = ", ".join(sorted(names))
            raise UsageError(
                f"{name} is no peer and no destination of the configuration",
                hint=f"one of {known}" if known else "give --config FILE, or AETITLE@HOST:PORT",
            )
        destination = destination_of(name)
    if peer is None and destination is not None and not destination.is_web:
        peer = Peer(destination.name, destination.ae_title, ("0.0.0.0/0", "::/0"))
    return destination, peer or ANYBODY_HERE
